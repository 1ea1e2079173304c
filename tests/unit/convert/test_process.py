"""The process that converts, and what is told of it."""

import sys
from pathlib import Path

import pytest

from dragoman.convert import process
from dragoman.convert.messages import Order
from dragoman.core.errors import Code, DragomanError

ORDER = Order("sklearn", "model.joblib", {}, "folder", {})


def child(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


def test_steps_are_told_as_they_come_and_the_end_is_given(monkeypatch: pytest.MonkeyPatch):
    program = """
print('{"type":"step","text":"reading"}', flush=True)
print('{"type":"done","forms":[{"file":"0.onnx","name":"float64"}]}', flush=True)
"""
    monkeypatch.setattr(process, "COMMAND", child(program))
    told: list[str] = []
    done = process.converted(ORDER, told.append)
    assert told == ["reading"]
    assert [form.file for form in done.forms] == ["0.onnx"]


def test_what_it_refuses_is_the_callers_to_know(monkeypatch: pytest.MonkeyPatch):
    program = """print('{"type":"failed","code":"NOT_FOUND","message":"not there"}')"""
    monkeypatch.setattr(process, "COMMAND", child(program))
    with pytest.raises(DragomanError, match="not there") as caught:
        process.converted(ORDER, lambda _: None)
    assert caught.value.code is Code.NOT_FOUND


def test_a_process_that_dies_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "COMMAND", child("import os, sys; print('oh', file=sys.stderr); os.abort()"))
    with pytest.raises(DragomanError, match=r"the process that converts ended \(signal 6\)\n  oh"):
        process.converted(ORDER, lambda _: None)


def test_it_imports_nothing_from_the_folder_that_the_person_is_in(tmp_path: Path, monkeypatch):
    (tmp_path / "msgspec.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DragomanError) as caught:
        process.converted(ORDER, lambda _: None)
    assert "it was imported" not in caught.value.message

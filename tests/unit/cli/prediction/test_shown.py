"""A result for people, for programs, and for a file."""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from dragoman.cli.failure import FailureError
from dragoman.cli.prediction.shown import document, save, table
from dragoman.client.results import Result

TEXTS = np.array([b"a", "é".encode(), b"\xff"], object)


def result(**outputs: Any) -> Result:
    return Result(outputs, model="m", version="2", id="", parameters={})


def test_small_outputs_stand_in_a_table() -> None:
    found = result(label=np.array([7]), probabilities=np.array([0.25, 0.75], np.float32))
    assert list(table(found)) == [
        "m, version 2",
        "OUTPUT         TYPE   SHAPE  VALUES",
        "label          INT64  [1]    [7]",
        "probabilities  FP32   [2]    [0.25, 0.75]",
    ]


def test_an_output_of_several_lines_stands_below_its_name() -> None:
    assert list(table(result(y=np.array([[1, 2], [3, 4]], np.int8)))) == [
        "m, version 2",
        "OUTPUT  TYPE  SHAPE   VALUES",
        "y       INT8  [2, 2]",
        "  [[1, 2],",
        "   [3, 4]]",
    ]


def test_a_large_output_is_shown_in_part() -> None:
    lines = list(table(result(y=np.zeros((1000, 1000)))))
    assert len(lines) < 20
    assert "..." in "".join(lines)


@pytest.mark.parametrize("empty", [np.zeros((0, 3), np.float32), np.zeros(0, object)])
def test_an_empty_output_is_shown(empty: Any) -> None:
    assert list(table(result(y=empty)))[-1].endswith("[]")


def test_text_is_shown_as_text_and_drives_no_terminal() -> None:
    assert list(table(result(t=TEXTS)))[-1].endswith("""['a', 'é', "b'\\\\xff'"]""")
    hostile = np.array([b"\x1b[2J\n"], object)
    assert "\x1b" not in "".join(table(result(**{"t\x1b": hostile})))


def test_a_result_without_outputs_is_a_head() -> None:
    assert len(list(table(result()))) == 2


def test_json_says_types_shapes_and_values() -> None:
    found = result(
        y=np.array([[0.1, np.nan]], np.float32),
        b=np.array([1.5], ml_dtypes.bfloat16),
        t=TEXTS,
        s=np.array(True),
    )
    shown = json.loads(document(found))
    assert (shown["model"], shown["version"]) == ("m", "2")
    assert str(shown["outputs"]["y"]) == "{'datatype': 'FP32', 'shape': [1, 2], 'data': [[0.1, nan]]}"
    assert shown["outputs"]["b"]["data"] == [1.5]
    assert shown["outputs"]["t"]["data"] == ["a", "é", {"b64": "/w=="}]
    assert shown["outputs"]["s"] == {"datatype": "BOOL", "shape": [], "data": True}


def test_json_says_what_the_server_adds() -> None:
    told = Result({}, model="m", version="1", id="", parameters={"a": 1})
    assert json.loads(document(told)) == {"model": "m", "version": "1", "parameters": {"a": 1}, "outputs": {}}


def test_outputs_are_saved_by_their_names(tmp_path: Path) -> None:
    outputs = {
        "file": np.array([[1.5]], np.float16),
        "a/b": np.array([2.5], ml_dtypes.bfloat16),
        "t": np.array([[b"a", b"\xff"]], object),
        "empty": np.zeros((0,), object),
    }
    save(result(**outputs), tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as saved:
        assert {name: saved[name].tolist() for name in saved.files} == {
            name: array.tolist() for name, array in outputs.items()
        }
        assert saved["file"].dtype == np.float16


def test_what_a_file_would_lose_is_told(tmp_path: Path) -> None:
    with pytest.raises(FailureError, match="'t' holds bytes that end in zero"):
        save(result(t=np.array([b"a\0"], object)), tmp_path / "out.npz")


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FailureError, match="cannot be written"):
        save(result(), tmp_path / "missing" / "out.npz")

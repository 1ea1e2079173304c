"""Another server's command lines mean the native settings beside them."""

import pytest

from dragoman.config.shown import without_secrets
from dragoman.settings.model_document import SHORT_FORMS
from dragoman.settings.server import ServerSettings
from dragoman.settings.yaml_document import read_tree
from tests.config.pairs import cases, translation, written

CASES = [pytest.param(dialect, case, id=f"{dialect.name}-{case.name}") for dialect, case in cases()]


@pytest.mark.parametrize(("dialect", "case"), CASES)
def test_a_command_line_means_the_native_settings_beside_it(dialect, case):
    assert written(dialect, case) == (case / "native.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("dialect", "case"), CASES)
def test_what_is_translated_is_a_dragoman_yaml_that_means_the_same(dialect, case):
    text = (case / "native.yaml").read_text(encoding="utf-8")
    read = read_tree(text, "native.yaml", ServerSettings, SHORT_FORMS)
    assert read.tree == {"version": 1, **without_secrets(translation(dialect, case).tree)}


@pytest.mark.parametrize(("dialect", "case"), CASES)
def test_no_word_of_the_command_line_is_without_a_note(dialect, case):
    notes = {note.key for note in translation(dialect, case).notes}
    words = (case / "command.txt").read_text(encoding="utf-8").split()
    flags = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert {flag for flag in flags if not any(key.startswith(flag) for key in notes)} == set()

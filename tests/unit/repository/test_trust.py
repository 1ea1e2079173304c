"""Which models that bring code may be loaded."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.python_model import PythonModelEngine
from dragoman.repository.trust import check_archive_trust, check_trust
from dragoman.settings.model import ModelSettings

TRUSTED = ModelSettings(trust="code")


def test_code_is_refused_unless_somebody_trusts_it_and_the_refusal_says_how() -> None:
    with pytest.raises(DragomanError) as caught:
        check_trust(PythonModelEngine(), ModelSettings(), "words", trusted=False)
    assert (caught.value.code, caught.value.message) == (
        Code.FAILED_PRECONDITION,
        "words brings code (engine python), which runs only where it is trusted: "
        "set trust: code in words/model.yaml, or start with --trust-code",
    )


def test_the_settings_or_the_command_line_trust_it() -> None:
    check_trust(PythonModelEngine(), TRUSTED, "words", trusted=False)
    check_trust(PythonModelEngine(), ModelSettings(), "words", trusted=True)


def test_an_archive_needs_trust_whatever_it_holds_and_a_request_cannot_bring_it() -> None:
    check_archive_trust(TRUSTED, "echo", trusted=False)
    check_archive_trust(ModelSettings(), "echo", trusted=True)
    with pytest.raises(DragomanError, match=r"set trust: code in echo/model\.yaml") as caught:
        check_archive_trust(ModelSettings(), "echo", trusted=False)
    assert caught.value.code is Code.FAILED_PRECONDITION
    with pytest.raises(DragomanError, match="came with a request: put it into the repository"):
        check_archive_trust(TRUSTED, "echo", trusted=True, uploaded=True)


def test_models_that_are_data_need_no_trust() -> None:
    check_trust(OnnxEngine(), ModelSettings(), "half", trusted=False)

"""What workers see of the server's environment."""

import pytest

from dragoman.core.errors import DragomanError
from dragoman.execution.workers.children import environment
from dragoman.settings.model import ModelSettings, WorkerSettings

SERVER = {"PATH": "/bin", "AWS_SECRET": "s", "AWS_SECRET_KEY": "k", "API_KEY": "a"}


def seen(hidden: str) -> set[str]:
    settings = ModelSettings(worker=WorkerSettings(hidden_environment=hidden))
    return set(environment(settings, SERVER)) - {"OMP_NUM_THREADS"}


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        ("", set(SERVER)),
        ("AWS_SECRET", {"PATH", "AWS_SECRET_KEY", "API_KEY"}),
        (".*KEY|AWS_.*", {"PATH"}),
        (".*", set()),
    ],
)
def test_variables_whose_whole_name_fits_are_hidden(hidden: str, left: set[str]) -> None:
    assert seen(hidden) == left


def test_what_is_no_regular_expression_is_told() -> None:
    with pytest.raises(DragomanError, match=r"worker.hidden_environment: this is no regular expression"):
        seen("(")

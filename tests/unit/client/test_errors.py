"""How a failure reads."""

import pytest

from dragoman.client import errors
from dragoman.client.errors import BadAnswer, ClientError, Code, ConnectionFailed, InvalidInput, ServerError
from tests.meta.contracts import TREE


def test_an_error_names_server_and_model() -> None:
    error = BadAnswer("it is cut off", url="http://host:8000", model="m")
    assert str(error) == "it is cut off (model 'm' at http://host:8000)"


def test_an_error_says_only_what_is_known() -> None:
    assert str(BadAnswer("it is cut off")) == "it is cut off"
    assert str(BadAnswer("it is cut off", url="http://host:8000")) == "it is cut off (http://host:8000)"


def test_a_server_s_error_shows_its_code_and_http_s_number() -> None:
    over_http = ServerError("no such model", code=Code.NOT_FOUND, status=404)
    assert str(over_http) == "no such model (NOT_FOUND, HTTP 404)"
    assert str(ServerError("no such model", code=Code.NOT_FOUND, status=5)) == "no such model (NOT_FOUND)"


def test_a_server_s_message_is_cut() -> None:
    error = ServerError("x" * 100_000, code=Code.INTERNAL, status=500)
    assert len(str(error)) < 5000


def test_what_cannot_be_sent_is_a_value_error() -> None:
    assert isinstance(InvalidInput("no"), ValueError)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "Code"])
def test_the_tree_at_the_top_of_the_module_shows_every_error(name: str) -> None:
    assert issubclass(getattr(errors, name), ClientError)
    assert f"+-- {name} " in (errors.__doc__ or "")


def test_the_tree_in_the_documentation_is_the_module_s() -> None:
    tree = [line.strip() for line in (errors.__doc__ or "").splitlines() if "+--" in line]
    page = (TREE / "docs" / "client.md").read_text(encoding="utf-8")
    shown = [line.strip() for line in page.splitlines() if line.startswith("     +--")]
    assert shown == tree[1:]


def test_a_connection_that_failed_knows_whether_anything_was_sent() -> None:
    assert ConnectionFailed("refused", sent=False).sent is False

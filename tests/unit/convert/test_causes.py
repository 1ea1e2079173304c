"""What a server would log is told to the person who waits."""

from collections.abc import Iterator

import pytest
import structlog

from dragoman.convert.causes import Causes
from dragoman.core.errors import Code, DragomanError

POINTING = DragomanError(Code.INTERNAL, "m.pkl does not load; the log tells more")


@pytest.fixture
def causes() -> Iterator[Causes]:
    made = Causes()
    before = structlog.get_config()
    made.listen()
    yield made
    structlog.configure(**before)


def test_the_last_line_of_a_traceback_takes_the_place_of_the_log(causes: Causes, capsys) -> None:
    try:
        raise ValueError("it is cut off")
    except ValueError:
        structlog.get_logger().exception("a file was refused")
    assert causes.told(POINTING) == "m.pkl does not load: ValueError: it is cut off"
    assert capsys.readouterr() == ("", "")


def test_so_does_the_cause_that_an_engine_names(causes: Causes) -> None:
    structlog.get_logger().error("the model failed", cause="first line\nNo such operator")
    assert causes.told(POINTING) == "m.pkl does not load: No such operator"


def test_a_message_that_says_all_stays_as_it_is(causes: Causes) -> None:
    structlog.get_logger().error("x", cause="y")
    assert causes.told(DragomanError(Code.INTERNAL, "there is no such file")) == "there is no such file"


def test_where_nothing_was_logged_the_message_points_nowhere(causes: Causes) -> None:
    assert causes.told(POINTING) == "m.pkl does not load"

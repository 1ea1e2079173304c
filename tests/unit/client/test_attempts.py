"""One exchange: its deadline, and its tries."""

import math

import pytest

from dragoman.client.attempts import checked_timeout
from dragoman.client.errors import BadAnswer, Code, ConnectionFailed, InvalidInput, ServerError
from dragoman.client.exchange import Answer, Exchange, Open, Opened, PartsReader, Pause, Request, Send
from tests.unit.client.driving import NOW, attempts, drive

READ = Request("/x")
CHANGE = Request("/x", repeatable=False)
OK = Answer(b"done")


def exchange(request: Request = READ) -> Exchange[bytes]:
    return Exchange(request, lambda answer: bytes(answer.body))


def unavailable(retry_after_s: float | None = None) -> ServerError:
    return ServerError("busy", code=Code.UNAVAILABLE, status=503, retry_after_s=retry_after_s)


def test_an_answer_is_read() -> None:
    given, steps = drive(attempts().send(exchange(), None), [OK])
    assert given == b"done"
    assert steps == [Send(READ, None)]


def test_a_call_is_made_again_after_growing_pauses() -> None:
    came = [unavailable(), None, ConnectionFailed("broke", sent=True), None, OK]
    given, steps = drive(attempts(retries=2).send(exchange(), None), came)
    assert given == b"done"
    assert steps == [Send(READ, None), Pause(1), Send(READ, None), Pause(2), Send(READ, None)]


def test_an_error_in_an_answer_counts_as_well() -> None:
    answers = iter([unavailable(), None])

    def read(answer: Answer) -> bytes:
        if error := next(answers):
            raise error
        return bytes(answer.body)

    given, steps = drive(attempts(retries=1).send(Exchange(READ, read), None), [OK, None, OK])
    assert given == b"done"
    assert len(steps) == 3


def test_after_the_last_try_the_failure_is_told() -> None:
    with pytest.raises(ServerError, match="busy"):
        drive(attempts(retries=1).send(exchange(), None), [unavailable(), None, unavailable()])


def test_what_changes_something_is_not_sent_twice() -> None:
    with pytest.raises(ConnectionFailed):
        drive(attempts(retries=5).send(exchange(CHANGE), None), [ConnectionFailed("broke", sent=True)])
    refused = ConnectionFailed("refused", sent=False)
    assert drive(attempts(retries=5).send(exchange(CHANGE), None), [refused, None, OK])[0] == b"done"


def test_a_pause_that_outlasts_the_call_is_not_begun() -> None:
    deadline = NOW + 10
    with pytest.raises(ServerError, match="busy"):
        drive(attempts(retries=5).send(exchange(), deadline), [unavailable(retry_after_s=10)])
    given, steps = drive(
        attempts(retries=5).send(exchange(), deadline), [unavailable(retry_after_s=9), None, OK]
    )
    assert given == b"done"
    assert steps[1] == Pause(9)


def test_a_call_has_its_own_time_or_the_client_s() -> None:
    assert attempts(timeout_s=3).deadline(None) == NOW + 3
    assert attempts(timeout_s=3).deadline(5) == NOW + 5
    assert attempts(timeout_s=3).deadline(math.inf) is None
    assert attempts().deadline(None) is None


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, -math.inf])
def test_what_is_no_time_is_refused(timeout_s: float) -> None:
    with pytest.raises(InvalidInput, match="more than 0 seconds"):
        checked_timeout(timeout_s)


class Parts:
    """Parts that note whether they were abandoned."""

    abandoned = False

    def abandon(self) -> None:
        self.abandoned = True


class Reader(PartsReader):
    """A reader that reads nothing."""


def test_a_stream_is_opened_with_a_limit_for_each_wait() -> None:
    reader, parts = Reader(), Parts()
    flow = attempts().open(Exchange(READ, lambda _: reader), 7, None)
    streamed, steps = drive(flow, [Opened(OK, parts)])
    assert steps == [Open(READ, NOW + 7, 7)]
    assert (streamed.parts, streamed.reader) == (parts, reader)
    assert not parts.abandoned


def test_a_stream_that_cannot_be_read_is_given_up() -> None:
    def read(_: Answer) -> PartsReader:
        raise BadAnswer("no stream")

    parts = Parts()
    flow = attempts().open(Exchange(READ, read), None, None)
    with pytest.raises(BadAnswer):
        drive(flow, [Opened(OK, parts)])
    assert parts.abandoned

"""What the failures of gRPC are to a caller."""

import grpc
import pytest

from dragoman.client.errors import BadAnswer, Code, ConnectionFailed, ServerError, TimedOut
from dragoman.client.transports.grpc_failures import BROKEN_OFF, CODES, NEVER_SENT, TOO_LARGE, no_rpc

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def test_every_status_has_a_code() -> None:
    assert set(CODES) == set(grpc.StatusCode)


@pytest.mark.parametrize("status", [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK])
def test_a_status_is_the_server_s_error_of_its_code(status: grpc.StatusCode) -> None:
    error = no_rpc(status, "why", (), late=False)
    assert isinstance(error, ServerError)
    assert (error.message, error.code, error.status) == ("why", CODES[status], status.value[0])


def test_the_codes_of_one_name_are_the_same() -> None:
    named = {status: Code[status.name] for status in grpc.StatusCode if status.name in Code.__members__}
    assert {status: CODES[status] for status in named} == named


@pytest.mark.parametrize("details", [*NEVER_SENT, *BROKEN_OFF])
def test_a_channel_that_failed_is_no_server_s_error(details: str) -> None:
    error = no_rpc(UNAVAILABLE, f"{details} and so on", (), late=False)
    assert isinstance(error, ConnectionFailed)
    assert error.sent is (details in BROKEN_OFF)


def test_a_deadline_that_has_passed_is_ours_else_the_server_s() -> None:
    status = grpc.StatusCode.DEADLINE_EXCEEDED
    assert isinstance(no_rpc(status, "Deadline Exceeded", (), late=True), TimedOut)
    assert isinstance(no_rpc(grpc.StatusCode.CANCELLED, "", (), late=True), TimedOut)
    assert isinstance(no_rpc(status, "the queue is full", (), late=False), ServerError)


@pytest.mark.parametrize("details", [TOO_LARGE, f"Stream removed (CLIENT: {TOO_LARGE}"])
def test_an_answer_that_is_too_large_is_refused_by_us(details: str) -> None:
    error = no_rpc(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{details} (9 vs. 4)", (), late=False)
    assert isinstance(error, BadAnswer)


@pytest.mark.parametrize(("value", "wait_s"), [("7", 7.0), ("soon", None), (b"7", None)])
def test_a_server_may_say_when_to_come_again(value: str | bytes, wait_s: float | None) -> None:
    error = no_rpc(UNAVAILABLE, "busy", (("x", "y"), ("retry-after", value)), late=False)
    assert isinstance(error, ServerError)
    assert error.retry_after_s == wait_s


def test_a_server_that_says_nothing_is_quoted_so() -> None:
    assert "does not say why" in str(no_rpc(UNAVAILABLE, "", (), late=False))

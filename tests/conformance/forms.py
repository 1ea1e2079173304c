"""The forms of case files: over HTTP, over gRPC, and TorchServe's."""

import http.client
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.conformance import compare, grpc_cases, torchserve_cases, v2_answers
from tests.conformance.cases import Case, Facts
from tests.conformance.exchange import Answer, exchange
from tests.conformance.grpc_cases import GrpcAnswer, GrpcCase
from tests.conformance.grpc_exchange import call
from tests.server_process import Addresses

MANAGEMENT: Final = "org.pytorch.serve.grpc.management."  # which has an address of its own
SHOWN: Final = 600  # characters of a message that a report shows


class NoAnswerError(Exception):
    """No whole answer came."""


class Form(NamedTuple):
    """How cases of one form are read, sent, judged and shown."""

    kind: type[Facts]
    send: Callable[[Addresses, Any], Any]  # Errors: NoAnswerError
    differences: Callable[[Any, Any, Any], list[str]]  # of a case, an expectation and an answer
    request: Callable[[Any], list[str]]  # in words, line by line
    answer: Callable[[Any], str]


def send_http(addresses: Addresses, case: Case) -> Answer:
    host, port = addresses.http
    try:
        return exchange(addresses.http, case.method, case.request(f"{host}:{port}"))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(repr(error)) from error


def send_torchserve(
    addresses: Addresses, case: torchserve_cases.TorchServeCase
) -> torchserve_cases.TorchServeAnswer:
    try:
        return torchserve_cases.send(addresses, case)
    except torchserve_cases.UnreachableError as error:
        raise NoAnswerError(str(error)) from error


def torchserve_request(case: torchserve_cases.TorchServeCase) -> list[str]:
    asked = [*case.setup, *case.background, case.asked]
    return [f"{one.method} {one.port} {one.path} {shown(one.payload()[0])}" for one in asked]


def http_request(case: Case) -> list[str]:
    body = case.payload()
    return [f"{case.method} {case.path}"] + ([] if body is None else [shown(body)])


def send_grpc(addresses: Addresses, case: GrpcCase) -> GrpcAnswer:
    managed = case.method.startswith(MANAGEMENT) and addresses.other_grpc
    return call(addresses.other_grpc[0] if managed else addresses.grpc, case)


def grpc_request(case: GrpcCase) -> list[str]:
    if case.streamed is not None:
        return [case.method, *[cut(repr(message)) for message in case.requests]]
    return [case.method, cut(repr(case.request)) if case.request else shown_hex(case.payload())]


def grpc_answer(answer: GrpcAnswer) -> str:
    whole = [answer.message, *answer.messages]
    return f"{answer.code} {answer.details}{' | '.join(map(shown_hex, whole))}"


def shown(body: bytes) -> str:
    """A body for a report: text, cut where it is long."""
    return cut(body.decode("utf-8", errors="backslashreplace"), len(body))


def shown_hex(message: bytes) -> str:
    """A message for a report."""
    return cut(message.hex(" "), len(message))


def cut(text: str, size: int | None = None) -> str:
    """The text, cut where it is long; `size` = the bytes that it stands for."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text) if size is None else size} bytes)"


HTTP: Final = Form(
    kind=Case,
    send=send_http,
    differences=lambda _, expected, answer: compare.differences(expected, answer),
    request=http_request,
    answer=lambda answer: f"{answer.status} {shown(answer.body)}",
)
V2: Final = HTTP._replace(differences=lambda _, expected, answer: v2_answers.differences(expected, answer))
GRPC: Final = Form(
    kind=GrpcCase,
    send=send_grpc,
    differences=lambda case, expected, answer: grpc_cases.differences(case.method, expected, answer),
    request=grpc_request,
    answer=grpc_answer,
)
TORCHSERVE: Final = Form(
    kind=torchserve_cases.TorchServeCase,
    send=send_torchserve,
    differences=torchserve_cases.differences,
    request=torchserve_request,
    answer=lambda answer: f"{answer.status} {answer.reason} {shown(answer.body)}",
)

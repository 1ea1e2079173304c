"""Conformance cases over gRPC: what a case says, the message that it sends, and what must come back."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from tests.conformance.cases import Facts
from tests.conformance.compare import value_differences
from tests.conformance.grpc_messages import dtype_name, method_types, parse, serialize, tensor_values, to_json


class GrpcAnswer(Struct):
    """How a call ended: the status by name, its message, and the answer's bytes where it is OK."""

    code: str
    details: str
    message: bytes


class TensorExpectation(Struct, forbid_unknown_fields=True):
    """An output that is expected; strings are compared as Latin-1."""

    values: Any
    dtype: str = "DT_FLOAT"
    shape: list[int] | None = None  # None = that of the values, which an empty list does not tell


class GrpcExpectation(Struct, forbid_unknown_fields=True):
    """What an answer must be like. Every key that is given must hold."""

    code: str = "OK"  # the name in grpc.StatusCode
    details: str | None = None  # the status message is this
    details_contains: str | None = None
    tensors: dict[str, TensorExpectation] | UnsetType = UNSET  # exactly these are the answer's `outputs`
    json: Any = UNSET  # the message in protobuf's JSON: compared as the bodies of cases over HTTP
    json_subset: Any = UNSET

    def lenient(self) -> "GrpcExpectation":
        """The same with `json` read as `json_subset`, for a listener that answers the union of dialects."""
        if self.json is UNSET:
            return self
        return msgspec.structs.replace(self, json=UNSET, json_subset=self.json)


class GrpcCase(Facts, kw_only=True):
    """One call and the answers that are right."""

    method: str  # package.Service/Method
    request: Any = UNSET  # the message in protobuf's JSON, or in the short forms of `grpc_messages.py`
    request_hex: str = ""  # the message's bytes instead; spaces are ignored
    append_hex: str = ""  # bytes that follow the message
    cut: int = 0  # so many bytes are missing at the message's end
    metadata: dict[str, str] = field(default_factory=dict)
    deadline_s: float = 20.0  # how long the client waits, which it tells the server
    expect: GrpcExpectation
    also_ok: list[GrpcExpectation] = field(default_factory=list)

    @property
    def accepted(self) -> list[GrpcExpectation]:
        """Every expectation that an answer may meet."""
        return [self.expect, *self.also_ok]

    def payload(self) -> bytes:
        """The message's bytes."""
        if self.request is UNSET:
            message = bytes.fromhex(self.request_hex)
        else:
            message = serialize(method_types(self.method)[0], self.request)
        return message[: len(message) - self.cut] + bytes.fromhex(self.append_hex)


def differences(method: str, expected: GrpcExpectation, answer: GrpcAnswer) -> list[str]:
    """Everything about the answer that is not as expected; empty = it is."""
    found = list(_status(expected, answer))
    wanted = [(expected.json, False), (expected.json_subset, True)]
    if found or (expected.tensors is UNSET and all(value is UNSET for value, _ in wanted)):
        return found
    message = parse(method_types(method)[1], answer.message)
    for value, subset in wanted:
        if value is not UNSET:
            found += value_differences(value, to_json(message), "message", subset=subset)
    if expected.tensors is not UNSET:
        found += _tensors(expected.tensors, message.outputs)
    return found


def _status(expected: GrpcExpectation, answer: GrpcAnswer) -> Iterator[str]:
    if answer.code != expected.code:
        yield f"code: {expected.code} expected, {answer.code} given: {answer.details}"
    if expected.details is not None and answer.details != expected.details:
        yield f"details: {expected.details!r} expected, {answer.details!r} given"
    if expected.details_contains is not None and expected.details_contains not in answer.details:
        yield f"details: {expected.details_contains!r} expected in it, {answer.details!r} given"


def _tensors(expected: dict[str, TensorExpectation], given: Any) -> Iterator[str]:
    if expected.keys() != set(given):
        yield f"outputs: {sorted(expected)} expected, {sorted(given)} given"
    for name in expected.keys() & set(given):
        wanted = expected[name]
        try:
            values = tensor_values(given[name])
        except ValueError as error:
            yield f"outputs.{name}: {error}"
            continue
        dtype, shape = dtype_name(given[name]), [dim.size for dim in given[name].tensor_shape.dim]
        if dtype != wanted.dtype:
            yield f"outputs.{name}: {wanted.dtype} expected, {dtype} given"
        if wanted.shape is not None and shape != wanted.shape:
            yield f"outputs.{name}: shape {wanted.shape} expected, {shape} given"
        yield from value_differences(wanted.values, values, f"outputs.{name}", subset=False)

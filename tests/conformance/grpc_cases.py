"""Conformance cases over gRPC: what a case says, the message that it sends, and what must come back."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType, field

from tests.conformance.cases import Facts
from tests.conformance.compare import value_differences
from tests.conformance.grpc_messages import dtype_name, method_types, parse, serialize, tensor_values, to_json
from tests.conformance.v2_messages import output_forms


class GrpcAnswer(Struct):
    """How a call ended: the status by name, its message, and the answer's bytes where it is OK.

    `messages`, of a stream, are all that came before its end.
    """

    code: str
    details: str
    message: bytes
    messages: list[bytes] = field(default_factory=list)


class TensorExpectation(Struct, forbid_unknown_fields=True):
    """An output that is expected; strings are compared as Latin-1."""

    values: Any
    dtype: str = "DT_FLOAT"
    shape: list[int] | None = None  # None = that of the values, which an empty list does not tell


class OutputExpectation(Struct, forbid_unknown_fields=True):
    """An output of a ModelInferResponse that is expected, in this form; strings are compared as Latin-1."""

    values: Any
    datatype: str = "FP32"
    shape: list[int] | None = None  # None = that of the values
    form: Literal["raw", "contents", "both"] = "raw"


class GrpcExpectation(Struct, forbid_unknown_fields=True):
    """What an answer must be like. Every key that is given must hold."""

    code: str = "OK"  # the name in grpc.StatusCode
    details: str | None = None  # the status message is this
    details_contains: str | None = None
    tensors: dict[str, TensorExpectation] | UnsetType = UNSET  # exactly these are the answer's `outputs`
    outputs: dict[str, OutputExpectation] | UnsetType = UNSET  # the same of a ModelInferResponse, in order
    messages: list[Any] | UnsetType = UNSET  # of a stream: so many came, each compared as `json_subset`
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
    requests: list[Any] | UnsetType = UNSET  # the messages of a duplex stream, instead
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

    @property
    def streamed(self) -> list[bytes] | None:
        """The messages of a stream; None = the call is none."""
        if isinstance(self.requests, UnsetType):
            return None
        return [serialize(method_types(self.method)[0], message) for message in self.requests]

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
    if not isinstance(expected.messages, UnsetType):
        found += _messages(method_types(method)[1], expected.messages, answer.messages)
    wanted = [(expected.json, False), (expected.json_subset, True)]
    named = expected.tensors is not UNSET or expected.outputs is not UNSET
    if found or not (named or any(value is not UNSET for value, _ in wanted)):
        return found
    message = parse(method_types(method)[1], answer.message)
    for value, subset in wanted:
        if value is not UNSET:
            found += value_differences(value, to_json(message), "message", subset=subset)
    if not isinstance(expected.tensors, UnsetType):
        found += _tensors(expected.tensors, message.outputs)
    if not isinstance(expected.outputs, UnsetType):
        found += _outputs(expected.outputs, message)
    return found


def _messages(kind: str, expected: list[Any], given: list[bytes]) -> Iterator[str]:
    if len(expected) != len(given):
        yield f"messages: {len(expected)} expected, {len(given)} given"
    for number, (wanted, data) in enumerate(zip(expected, given, strict=False)):
        yield from value_differences(wanted, to_json(parse(kind, data)), f"messages[{number}]", subset=True)


def _outputs(expected: dict[str, OutputExpectation], answer: Any) -> Iterator[str]:
    if list(expected) != (given := [output.name for output in answer.outputs]):
        yield f"outputs: {list(expected)} expected, {given} given"
        return
    for output, (name, wanted) in zip(answer.outputs, expected.items(), strict=True):
        where, forms = f"outputs.{name}", output_forms(answer, name)
        if (form := "both" if len(forms) > 1 else "".join(forms)) != wanted.form:
            yield f"{where}: {wanted.form} expected, {form} given"
        if output.datatype != wanted.datatype:
            yield f"{where}: {wanted.datatype} expected, {output.datatype} given"
        shape = list(np.shape(np.array(wanted.values, np.object_))) if wanted.shape is None else wanted.shape
        if list(output.shape) != shape:
            yield f"{where}: shape {shape} expected, {list(output.shape)} given"
        for form, values in forms.items():
            yield from value_differences(wanted.values, values, f"{where} ({form})", subset=False)


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

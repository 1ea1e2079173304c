"""Which operation answers a method."""

from collections.abc import Iterable

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import GrpcForm, GrpcRoute, Operation, ProtocolSpec, StatusOperation


def operation(name: str) -> StatusOperation:
    def answer(_: WireRequest, __: StatusReport) -> WireResponse:
        return WireResponse(0)

    def fail(_: None, __: DragomanError) -> WireResponse:
        return WireResponse(13)

    return StatusOperation(name, answer, fail)


def spec(name: str, **grpc: Iterable[GrpcRoute]) -> ProtocolSpec:
    return ProtocolSpec(
        name, (), {}, lambda _, __: WireResponse(400), {key: tuple(rows) for key, rows in grpc.items()}
    )


A, B, C = operation("a"), operation("b"), operation("c")


def test_methods_of_all_protocols_are_found_in_the_dialect_else_in_the_superset() -> None:
    one = spec("one", superset=[GrpcRoute("/p.One/Get", A)], strict=[GrpcRoute("/p.One/Get", B)])
    two = spec("two", superset=[GrpcRoute("/p.Two/Get", C)])
    assert GrpcRouter([one, two], "superset").operations == {"/p.One/Get": A, "/p.Two/Get": C}
    router = GrpcRouter([one, two, spec("rest only")], "strict")
    assert router.operations == {"/p.One/Get": B, "/p.Two/Get": C}
    assert router.services == ["p.One", "p.Two"]


def test_a_listener_that_forms_its_answers_otherwise_has_the_operations_for_that() -> None:
    seen = []

    def formed(form: GrpcForm) -> Operation:
        seen.append(form)
        return B

    routes = [GrpcRoute("/p.One/Predict", A, formed), GrpcRoute("/p.One/Get", C)]
    one = spec("one", superset=routes)
    assert GrpcRouter([one], "superset").operations == {"/p.One/Predict": A, "/p.One/Get": C}
    raw = GrpcForm(raw_tensors=True)
    assert GrpcRouter([one], "superset", raw).operations == {"/p.One/Predict": B, "/p.One/Get": C}
    assert seen == [raw]


def test_two_protocols_with_one_method_stop_the_start() -> None:
    one, two = (spec(name, superset=[GrpcRoute("/p.One/Get", A)]) for name in ("one", "two"))
    with pytest.raises(ValueError, match=r"two protocols have the method /p\.One/Get"):
        GrpcRouter([one, two], "superset")

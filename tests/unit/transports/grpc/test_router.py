"""Which operation answers a method."""

from collections.abc import Iterable

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import GrpcRoute, ProtocolSpec, StatusOperation


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


def test_a_listener_that_answers_raw_tensors_has_the_operations_for_them() -> None:
    routes = [GrpcRoute("/p.One/Predict", A, raw_tensors=B), GrpcRoute("/p.One/Get", C)]
    router = GrpcRouter([spec("one", superset=routes)], "superset", raw_tensors=True)
    assert router.operations == {"/p.One/Predict": B, "/p.One/Get": C}


def test_two_protocols_with_one_method_stop_the_start() -> None:
    one, two = (spec(name, superset=[GrpcRoute("/p.One/Get", A)]) for name in ("one", "two"))
    with pytest.raises(ValueError, match=r"two protocols have the method /p\.One/Get"):
        GrpcRouter([one, two], "superset")

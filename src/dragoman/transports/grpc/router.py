"""Which operation answers a gRPC method."""

from collections.abc import Mapping, Sequence
from typing import Final

from dragoman.wire.operation import GrpcForm, Operation, ProtocolSpec, in_dialect

USUAL: Final = GrpcForm()


class GrpcRouter:
    """The methods of all protocols of one listener, whose answers have that form."""

    def __init__(self, specs: Sequence[ProtocolSpec], dialect: str, form: GrpcForm = USUAL) -> None:
        operations: dict[str, Operation] = {}
        for route in [route for spec in specs for route in in_dialect(spec.grpc, dialect)]:
            if route.method in operations:
                raise ValueError(f"two protocols have the method {route.method}")
            formed = route.formed if form != USUAL else None
            operations[route.method] = route.operation if formed is None else formed(form)
        self.operations: Mapping[str, Operation] = operations

    @property
    def services(self) -> list[str]:
        """The full names of the services, sorted."""
        return sorted({method.split("/")[1] for method in self.operations})

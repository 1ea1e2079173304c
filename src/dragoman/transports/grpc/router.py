"""Which operation answers a gRPC method."""

from collections.abc import Mapping, Sequence

from dragoman.wire.operation import Operation, ProtocolSpec, in_dialect


class GrpcRouter:
    """The methods of all protocols of one listener. `raw_tensors` = answer tensors as raw bytes."""

    def __init__(self, specs: Sequence[ProtocolSpec], dialect: str, *, raw_tensors: bool = False) -> None:
        operations: dict[str, Operation] = {}
        for route in [route for spec in specs for route in in_dialect(spec.grpc, dialect)]:
            if route.method in operations:
                raise ValueError(f"two protocols have the method {route.method}")
            operations[route.method] = (route.raw_tensors if raw_tensors else None) or route.operation
        self.operations: Mapping[str, Operation] = operations

    @property
    def services(self) -> list[str]:
        """The full names of the services, sorted."""
        return sorted({method.split("/")[1] for method in self.operations})

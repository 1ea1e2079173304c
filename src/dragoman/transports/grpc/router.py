"""Which operation answers a gRPC method."""

from collections.abc import Iterator, Mapping, Sequence

from dragoman.wire.operation import GrpcRoute, Operation, ProtocolSpec


class GrpcRouter:
    """The methods of all protocols of one listener. `raw_tensors` = answer tensors as raw bytes."""

    def __init__(self, specs: Sequence[ProtocolSpec], dialect: str, *, raw_tensors: bool = False) -> None:
        operations: dict[str, Operation] = {}
        for route in rows(specs, dialect):
            if route.method in operations:
                raise ValueError(f"two protocols have the method {route.method}")
            operations[route.method] = (route.raw_tensors if raw_tensors else None) or route.operation
        self.operations: Mapping[str, Operation] = operations

    @property
    def services(self) -> list[str]:
        """The full names of the services, sorted."""
        return sorted({method.split("/")[1] for method in self.operations})


def rows(specs: Sequence[ProtocolSpec], dialect: str) -> Iterator[GrpcRoute]:
    """Every method of every protocol in that dialect, else in the form for the default listener."""
    for spec in specs:
        yield from spec.grpc.get(dialect) or spec.grpc.get("superset", ())

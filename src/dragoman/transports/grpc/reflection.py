"""Server reflection: what services there are, from the definitions themselves."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import Any, Final

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from dragoman.core.errors import DragomanError
from dragoman.transports.grpc.methods import Method
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import make_pool, read_message

METHOD: Final = f"/{reflection.SERVICE_NAME}/ServerReflectionInfo"
INVALID_ARGUMENT: Final = 3


class Reflection:
    """Describes these services, health and reflection itself."""

    def __init__(self, services: Iterable[str]) -> None:
        pool = make_pool()
        own = []
        for file in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
            pool.AddSerializedFile(file.serialized_pb)
            own += [service.full_name for service in file.services_by_name.values()]
        self._servicer: Any = reflection.ReflectionServicer([*services, *own], pool=pool)

    @property
    def methods(self) -> Mapping[str, Method]:
        """The one method."""
        return {METHOD: Method(stream=self.describe)}

    async def describe(self, messages: AsyncIterator[WireRequest]) -> AsyncGenerator[WireResponse, None]:
        """An answer to each question."""
        async for wire in messages:
            try:
                request = read_message(reflection_pb2.ServerReflectionRequest, wire.body)
            except DragomanError as error:
                yield WireResponse(INVALID_ARGUMENT, message=error.message)
                return
            for answer in self._servicer.ServerReflectionInfo(iter((request,)), None):
                yield WireResponse(0, answer.SerializeToString())

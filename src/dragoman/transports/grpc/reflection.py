"""Server reflection: what services there are, from the definitions themselves."""

from collections.abc import Iterable

from grpc.aio import Server
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from dragoman.wire.protobuf import make_pool


def add_reflection(server: Server, services: Iterable[str]) -> None:
    """Describe these services, health and reflection itself."""
    pool = make_pool()
    own = []
    for file in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        pool.AddSerializedFile(file.serialized_pb)
        own += [service.full_name for service in file.services_by_name.values()]
    reflection.enable_server_reflection([*services, *own], server, pool=pool)

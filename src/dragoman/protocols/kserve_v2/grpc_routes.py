"""The gRPC methods of inference.GRPCInferenceService, and TorchServe's name for it."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.kserve_v2.effort import message_to_read
from dragoman.protocols.kserve_v2.grpc_errors import fail_infer, fail_status
from dragoman.protocols.kserve_v2.grpc_operator_routes import GRPC_OPERATOR_ROUTES
from dragoman.protocols.kserve_v2.grpc_request import bind_infer, parse_infer
from dragoman.protocols.kserve_v2.grpc_response import encode_infer
from dragoman.protocols.kserve_v2.grpc_status import (
    about_metadata,
    about_ready,
    answer_live,
    answer_metadata,
    answer_model_ready,
    answer_server_metadata,
    answer_server_ready,
)
from dragoman.protocols.kserve_v2.stream import encode_stream, fail_stream, stream_infer
from dragoman.wire.operation import (
    GrpcForm,
    GrpcRoute,
    InferOperation,
    Order,
    StatusOperation,
    StreamOperation,
)

SERVICE: Final = "/inference.GRPCInferenceService"
TORCHSERVE: Final = "/org.pytorch.serve.grpc.openinference.GRPCInferenceService"  # the same messages
USUAL: Final = GrpcForm()

LIVE: Final = StatusOperation("kserve_v2.grpc.live", answer_live, fail_status, permission=None)
SERVER_READY: Final = StatusOperation(
    "kserve_v2.grpc.server_ready", answer_server_ready, fail_status, permission=None
)
READY: Final = StatusOperation("kserve_v2.grpc.ready", answer_model_ready, fail_status, about=about_ready)
METADATA: Final = StatusOperation(
    "kserve_v2.grpc.metadata", answer_metadata, fail_status, about=about_metadata
)


def grpc_routes(server_name: str) -> Iterator[GrpcRoute]:
    """Every method."""
    server = StatusOperation(
        "kserve_v2.grpc.server", partial(answer_server_metadata, server_name), fail_status, permission=None
    )
    for service in (SERVICE, TORCHSERVE):
        yield GrpcRoute(f"{service}/ServerLive", LIVE)
        yield GrpcRoute(f"{service}/ServerReady", SERVER_READY)
        yield GrpcRoute(f"{service}/ServerMetadata", server)
        yield GrpcRoute(f"{service}/ModelReady", READY)
        yield GrpcRoute(f"{service}/ModelMetadata", METADATA)
        yield GrpcRoute(f"{service}/ModelInfer", infer(USUAL), infer)
    yield GrpcRoute(f"{SERVICE}/ModelStreamInfer", streamed_infer(USUAL), streamed_infer)
    yield from GRPC_OPERATOR_ROUTES


def infer(form: GrpcForm) -> InferOperation:
    """ModelInfer with answers of that form."""
    return InferOperation(
        name="kserve_v2.grpc.infer",
        verb=Verb.INFER,
        parse=parse_infer,
        bind=bind_infer,
        encode=partial(encode_infer, form),
        fail=fail_infer,
        one_part=True,
        binds_at_once=True,
        reading=message_to_read,
    )


def streamed_infer(form: GrpcForm) -> StreamOperation:
    """ModelStreamInfer with answers of that form."""
    message = InferOperation(
        name="kserve_v2.grpc.stream_infer",
        verb=Verb.INFER,
        parse=parse_infer,
        bind=bind_infer,
        encode=partial(encode_stream, form),
        fail=partial(fail_stream, form),
        stream=partial(stream_infer, form),
        head_at_once=True,
        binds_at_once=True,
        reading=message_to_read,
    )
    return StreamOperation("kserve_v2.grpc.stream", message, Order.AS_SENT)

"""The gRPC methods of org.pytorch.serve.grpc.inference.InferenceAPIsService."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.grpc import (
    answer_ping,
    bind_prediction,
    encode_prediction,
    parse_in_sequence,
    parse_prediction,
    stream_prediction,
)
from dragoman.protocols.torchserve.grpc_errors import fail, fail_view
from dragoman.protocols.torchserve.grpc_stream import fail_message, stream_message
from dragoman.wire.operation import GrpcRoute, InferOperation, Order, StatusOperation, StreamOperation

SERVICE: Final = "/org.pytorch.serve.grpc.inference.InferenceAPIsService"


def grpc_routes(manner: Manner, new_id: Callable[[], str]) -> Iterator[GrpcRoute]:
    """Every method."""
    ping = StatusOperation("torchserve.grpc.ping", answer_ping, partial(fail_view, manner), permission=None)
    yield GrpcRoute(f"{SERVICE}/Ping", ping)
    whole = InferOperation(
        name="torchserve.grpc.predict",
        verb=Verb.INFER,
        parse=parse_prediction,
        bind=bind_prediction,
        encode=encode_prediction,
        fail=partial(fail, manner),
    )
    yield GrpcRoute(f"{SERVICE}/Predictions", whole)
    in_parts = InferOperation(
        name="torchserve.grpc.stream",
        verb=Verb.INFER,
        parse=parse_prediction,
        bind=bind_prediction,
        encode=encode_prediction,
        fail=partial(fail, manner),
        stream=partial(stream_prediction, manner),
    )
    yield GrpcRoute(f"{SERVICE}/StreamPredictions", in_parts)
    message = InferOperation(
        name="torchserve.grpc.message",
        verb=Verb.INFER,
        parse=partial(parse_in_sequence, new_id),
        bind=bind_prediction,
        encode=encode_prediction,
        fail=partial(fail_message, manner),
        stream=partial(stream_message, manner),
    )
    duplex = StreamOperation("torchserve.grpc.duplex", message, Order.AS_SENT)
    yield GrpcRoute(f"{SERVICE}/StreamPredictions2", duplex)

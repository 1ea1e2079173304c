"""Recorded requests that lie beside a SavedModel: a TFRecord of tensorflow.serving.PredictionLog."""

from collections.abc import Iterator, Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.protocols.tfs.grpc_examples import CLASSIFY, REGRESS
from dragoman.protocols.tfs.grpc_routes import examples, multi_inference, predict
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import RecordedCall, Recording
from dragoman.wire.proto_fields import Data, field, fields
from dragoman.wire.tensor_proto import write_values
from dragoman.wire.tf_record import records

FILE: Final = "assets.extra/tf_serving_warmup_requests"
MOST_RECORDS: Final = 1000  # TensorFlow Serving's limit

LOG_METADATA: Final = 0x0A  # keys in PredictionLog
MULTI_INFERENCE: Final = 0x22
REQUEST: Final = 0x0A  # key in each kind of log
CALLS: Final[Mapping[int, RecordedCall]] = {
    0x12: examples("tfs.warmup.classify", True, CLASSIFY),
    0x1A: examples("tfs.warmup.regress", True, REGRESS),
    MULTI_INFERENCE: multi_inference(True),
    0x32: predict(True, write_values),
}
# Put before a request that names no model, which a recorded one need not; a later name takes its place.
ANY_MODEL: Final = field(0x0A, field(0x0A, b"model"))


def recorded_calls(data: Data) -> Iterator[tuple[RecordedCall, WireRequest]]:
    """The calls that a file holds, each with its request.

    Errors: INTERNAL for a damaged file, INVALID_ARGUMENT for more than 1000 records or one that is none,
    UNIMPLEMENTED for a record of another kind.
    """
    for number, record in enumerate(records(data)):
        if number == MOST_RECORDS:
            raise invalid(f"the number of warm-up records exceeds the maximum ({MOST_RECORDS})")
        yield recorded_call(record)


def recorded_call(record: Data) -> tuple[RecordedCall, WireRequest]:
    """The call that a PredictionLog holds."""
    key, log = 0, b""
    for found, value in fields(record):
        if found != LOG_METADATA:
            key, log = found, value  # a oneof: the kind that comes last counts
    call = CALLS.get(key)
    if call is None:
        raise DragomanError(Code.UNIMPLEMENTED, f"unsupported log_type for warm-up: field {key >> 3}")
    request = b"".join(bytes(value) for found, value in fields(log) if found == REQUEST)
    body = request if key == MULTI_INFERENCE else ANY_MODEL + request
    return call, WireRequest("POST", call.name, "", [], body)


RECORDING: Final = Recording(FILE, recorded_calls)

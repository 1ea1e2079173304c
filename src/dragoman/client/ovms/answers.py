"""What the calls that look give, as dictionaries; and the parts of it that both transports have."""

from typing import Final, TypedDict

from dragoman.client.errors import BadAnswer
from dragoman.core.tensors import Array
from dragoman.wire.protobuf import message_class

SIGNATURE: Final = "serving_default"
Predictions = Array | dict[str, Array]  # of a model with one output, and of one with several


class VersionStatus(TypedDict):
    """One version of a model. `state` is START, LOADING, AVAILABLE, UNLOADING or END."""

    state: str
    error_code: int  # gRPC's number of it; 0 = OK
    error_message: str


class TensorInfo(TypedDict):
    """An input or output. A size of -1 = any; `dtype` is TensorFlow's name, such as DT_FLOAT."""

    shape: list[int]
    dtype: str


class ModelMetadata(TypedDict):
    """What a version of a model takes and gives."""

    model_version: int
    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


def no_signature() -> BadAnswer:
    """The error for a model that cannot be called without naming a signature, which these calls do not."""
    return BadAnswer(f"the model has no signature {SIGNATURE!r}")


def error_number(name: str) -> int:
    """The number of a code's name; that of UNKNOWN where it is not known."""
    codes = message_class("tensorflow.serving.StatusProto").DESCRIPTOR.fields_by_name["error_code"].enum_type
    known = codes.values_by_name.get(name, codes.values_by_name["UNKNOWN"])
    number: int = known.number
    return number

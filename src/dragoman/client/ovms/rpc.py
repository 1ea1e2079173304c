"""The calls over gRPC: messages built, answers read."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.client.errors import BadAnswer
from dragoman.client.exchange import Answer, Buffer, Exchange, Request
from dragoman.client.ovms.answers import (
    SIGNATURE,
    ModelMetadata,
    Predictions,
    TensorInfo,
    VersionStatus,
    no_signature,
)
from dragoman.client.ovms.errors import GRPC
from dragoman.client.ovms.tensors import is_tensor_proto, read_output, written
from dragoman.client.ovms.values import given_array
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import Array
from dragoman.wire.proto_fields import ENTRY_KEY, ENTRY_VALUE, as_data, field, fields, map_entry, varint
from dragoman.wire.protobuf import message_class, read_message

PACKAGE: Final = "tensorflow.serving"
PREDICTIONS: Final = f"/{PACKAGE}.PredictionService"
MODELS: Final = f"/{PACKAGE}.ModelService"
SIGNATURE_DEF: Final = "signature_def"

# Keys in PredictRequest and in PredictResponse.
MODEL_SPEC: Final = 0x0A
INPUTS: Final = 0x12
OUTPUTS: Final = 0x0A


class RpcCodec:
    """What `serving_client.Codec` says."""

    statuses = GRPC
    other_status = ConnectionError

    def predict(self, inputs: Mapping[str, Any], model: str, version: int) -> Exchange[Predictions]:
        """Predict."""
        body: list[Buffer] = [field(MODEL_SPEC, model_spec(model, version).SerializeToString())]
        for name, value in inputs.items():
            body += input_entry(name, value)
        return Exchange(Request(f"{PREDICTIONS}/Predict", body), read_predictions)

    def metadata(self, model: str, version: int) -> Exchange[ModelMetadata]:
        """GetModelMetadata."""
        message = message_class(f"{PACKAGE}.GetModelMetadataRequest")(
            model_spec=model_spec(model, version), metadata_field=[SIGNATURE_DEF]
        )
        request = Request(f"{PREDICTIONS}/GetModelMetadata", (message.SerializeToString(),))
        return Exchange(request, read_metadata)

    def status(self, model: str, version: int) -> Exchange[dict[int, VersionStatus]]:
        """GetModelStatus."""
        message = message_class(f"{PACKAGE}.GetModelStatusRequest")(model_spec=model_spec(model, version))
        return Exchange(Request(f"{MODELS}/GetModelStatus", (message.SerializeToString(),)), read_status)


def model_spec(model: str, version: int) -> Any:
    """The message that names a model. Version 0, which is none, is left out."""
    spec = message_class(f"{PACKAGE}.ModelSpec")(name=model)
    if version:
        spec.version.value = version
    return spec


def input_entry(name: str, value: Any) -> tuple[bytes, bytes]:
    """An input in the map of a PredictRequest, its large part by itself.

    Errors: TypeError and ValueError, as `given_array`.
    """
    if is_tensor_proto(value):
        head, data = b"", value.SerializeToString()
    else:
        head, data = written(given_array(value))
    key = field(ENTRY_KEY, name.encode())
    start = b"%b%c%b%b" % (key, ENTRY_VALUE, varint(len(head) + len(data)), head)
    return b"%c%b%b" % (INPUTS, varint(len(start) + len(data)), start), data


def read_predictions(answer: Answer) -> Predictions:
    """The only output's array, or several by name.

    Errors: BadAnswer.
    """
    outputs: dict[str, Array] = {}
    try:
        for key, value in fields(as_data(answer.body)):
            if key == OUTPUTS:
                name, tensor = map_entry(value)
                outputs[name] = read_output(name, tensor)
    except DragomanError as error:
        raise BadAnswer(error.message) from None
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def read_metadata(answer: Answer) -> ModelMetadata:
    """What a version takes and gives.

    Errors: BadAnswer.
    """
    response = read("GetModelMetadataResponse", answer.body)
    if SIGNATURE_DEF not in response.metadata:
        raise BadAnswer(f"the answer has no {SIGNATURE_DEF!r}")
    # The type that an Any names is not looked at: not every server writes it.
    signatures = read("SignatureDefMap", response.metadata[SIGNATURE_DEF].value).signature_def
    if SIGNATURE not in signatures:
        raise no_signature()
    return {
        "model_version": response.model_spec.version.value,
        "inputs": read_tensors(signatures[SIGNATURE].inputs),
        "outputs": read_tensors(signatures[SIGNATURE].outputs),
    }


def read_tensors(tensors: Mapping[str, Any]) -> dict[str, TensorInfo]:
    """Inputs or outputs."""
    return {
        name: {
            "shape": [dim.size for dim in tensor.tensor_shape.dim],
            "dtype": enum_name(tensor, "dtype"),
        }
        for name, tensor in tensors.items()
    }


def read_status(answer: Answer) -> dict[int, VersionStatus]:
    """The versions of a model.

    Errors: BadAnswer.
    """
    return {
        version.version: {
            "state": enum_name(version, "state"),
            "error_code": version.status.error_code,
            "error_message": version.status.error_message,
        }
        for version in read("GetModelStatusResponse", answer.body).model_version_status
    }


def read(name: str, body: Buffer) -> Any:
    """The message of that name.

    Errors: BadAnswer where it is none.
    """
    try:
        return read_message(message_class(f"{PACKAGE}.{name}"), body)
    except DragomanError as error:
        raise BadAnswer(error.message) from None


def enum_name(message: Any, field_name: str) -> str:
    """The name of an enum's value; its number where it has none."""
    value = getattr(message, field_name)
    known = message.DESCRIPTOR.fields_by_name[field_name].enum_type.values_by_number.get(value)
    return str(value if known is None else known.name)

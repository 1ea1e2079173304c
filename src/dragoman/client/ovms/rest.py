"""The calls over HTTP: requests built, answers read."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dragoman.client.documents import checked, member, members, read_object
from dragoman.client.errors import BadAnswer
from dragoman.client.exchange import Answer, Exchange, Request
from dragoman.client.ovms.answers import (
    SIGNATURE,
    ModelMetadata,
    Predictions,
    TensorInfo,
    VersionStatus,
    error_number,
    no_signature,
)
from dragoman.client.ovms.errors import HTTP, ModelServerError
from dragoman.client.ovms.values import COMPLEX, as_array, shown_texts, tensor_array
from dragoman.client.rest.codec import JSON, get, succeeded
from dragoman.client.rest.paths import v1_path
from dragoman.client.rest.predict import predict_body
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import NUMPY, Array, DType
from dragoman.wire.elements import flatten, is_b64_object, text_bytes
from dragoman.wire.tensor_proto import objects

INT64_MAX: Final = 2**63 - 1
NUMBERS: Final[frozenset[type]] = frozenset({int, float})


class RestCodec:
    """What `serving_client.Codec` says."""

    statuses = HTTP
    other_status = ModelServerError

    def predict(self, inputs: Mapping[str, Any], model: str, version: int) -> Exchange[Predictions]:
        """`:predict` in column form."""
        body = {"inputs": {name: json_value(value) for name, value in inputs.items()}}
        request = Request(v1_path(model, version or None, ":predict"), (predict_body(body),), (JSON,))
        return Exchange(request, succeeded(read_predictions))

    def metadata(self, model: str, version: int) -> Exchange[ModelMetadata]:
        """`/metadata`."""
        return Exchange(get(v1_path(model, version or None, "/metadata")), succeeded(read_metadata))

    def status(self, model: str, version: int) -> Exchange[dict[int, VersionStatus]]:
        """The path of the model itself."""
        return Exchange(get(v1_path(model, version or None)), succeeded(read_status))


def json_value(value: Any) -> Array | list[Any]:
    """A value as `predict_body` takes it: numbers in an array, texts and bytes in lists.

    Errors: TypeError for what JSON cannot hold, and as `given_array`.
    """
    given = as_array(value)
    array = tensor_array(given)
    if array.dtype in COMPLEX:
        raise TypeError("JSON has no complex numbers: call the model over gRPC")
    if array.dtype == NUMPY[DType.BF16]:
        return array.astype(np.float32)
    if array.dtype != np.object_:
        return array
    listed: list[Any] = given.tolist()
    return listed


def read_predictions(answer: Answer) -> Predictions:
    """The only output's array, or several by name.

    Errors: BadAnswer.
    """
    document = read_object(answer.body)
    if "outputs" not in document:
        raise BadAnswer("the answer has no 'outputs'")
    outputs = document["outputs"]
    if isinstance(outputs, dict) and not is_b64_object(outputs):
        return {name: read_array(name, value) for name, value in outputs.items()}
    return read_array("outputs", outputs)


def read_array(name: str, value: Any) -> Array:
    """The array of a nested list, of the types that NumPy gives to JSON's values.

    Errors: BadAnswer.
    """
    nest = flatten(value, set(map(type, value))) if isinstance(value, list) else ([], [value], {type(value)})
    if nest is None:
        raise BadAnswer(f"{name!r} is uneven or too deep")
    shape, flat, kinds = nest
    if not kinds or kinds <= NUMBERS or kinds == {bool}:
        return read_numbers(name, flat, kinds).reshape(shape)
    if kinds == {str}:
        ends = any(text.endswith("\0") for text in flat)  # which NumPy's own type would drop
        return np.array(flat, np.object_ if ends else np.str_).reshape(shape)
    try:
        return shown_texts(objects([text_bytes(element) for element in flat]).reshape(shape))
    except DragomanError as error:
        raise BadAnswer(f"{name!r} holds neither numbers nor texts: {error.message}") from None


def read_numbers(name: str, flat: list[Any], kinds: set[type]) -> Array:
    """An array of numbers, or of true and false.

    Errors: BadAnswer for integers of more than 64 bits.
    """
    beyond = kinds == {int} and max(flat) > INT64_MAX  # NumPy makes floats of such, beside smaller ones
    try:
        array = np.array(flat, np.uint64 if beyond else None)
    except OverflowError:
        raise BadAnswer(f"{name!r} holds integers of more than 64 bits") from None
    return array


def read_metadata(answer: Answer) -> ModelMetadata:
    """What a version takes and gives; keys may be OpenVINO Model Server's or TensorFlow Serving's.

    Errors: BadAnswer.
    """
    document = read_object(answer.body)
    spec = either(document, "modelSpec", "model_spec")
    holder = member(member(document, "metadata", dict), "signature_def", dict)
    signatures = either(holder, "signatureDef", "signature_def")
    if SIGNATURE not in signatures:
        raise no_signature()
    signature = member(signatures, SIGNATURE, dict)
    return {
        "model_version": whole(spec.get("version")),
        "inputs": read_tensors(member(signature, "inputs", dict)),
        "outputs": read_tensors(member(signature, "outputs", dict)),
    }


def read_tensors(tensors: dict[str, Any]) -> dict[str, TensorInfo]:
    """Inputs or outputs. A shape that is not told is that of a scalar, as protobuf's JSON leaves it out."""
    found: dict[str, TensorInfo] = {}
    for name, value in tensors.items():
        tensor = checked(value, dict, f"the answer's {name!r}")
        shape = either(tensor, "tensorShape", "tensor_shape", {})
        sizes = [whole(dim.get("size", "0")) for dim in members(shape, "dim")]
        found[name] = {"shape": sizes, "dtype": member(tensor, "dtype", str)}
    return found


def read_status(answer: Answer) -> dict[int, VersionStatus]:
    """The versions of a model.

    Errors: BadAnswer.
    """
    document = read_object(answer.body)
    member(document, "model_version_status", list)
    found: dict[int, VersionStatus] = {}
    for version in members(document, "model_version_status"):
        status = member(version, "status", dict, {})
        found[whole(version.get("version"))] = {
            "state": member(version, "state", str),
            "error_code": error_number(member(status, "error_code", str, "OK")),
            "error_message": member(status, "error_message", str, ""),
        }
    return found


def either(
    document: dict[str, Any], camel: str, snake: str, default: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The object of a key in one of its two spellings."""
    return member(document, snake if snake in document else camel, dict, default)


def whole(value: object) -> int:
    """The number that a text is: protobuf's JSON has 64-bit numbers so.

    Errors: BadAnswer.
    """
    try:
        if isinstance(value, str | int):
            return int(value)
    except ValueError:
        pass
    raise BadAnswer(f"{value!r:.80} stands where a whole number is due")

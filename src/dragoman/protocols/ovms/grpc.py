"""Predict over gRPC, with the reference's own rules.

A signature that is named is not looked at, nor are outputs that are asked for: all are answered. An input has
to be of the model's type and has one value for each element; where it is an image, encoded bytes do as
well, and texts where it is rows of bytes.
"""

from msgspec.structs import replace

from dragoman.core.mismatch import wrong_dtype
from dragoman.core.requests import CoreRequest
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.ovms.names import check_names
from dragoman.protocols.ovms.strings import rows_of_bytes, takes_strings
from dragoman.settings.limits import Limits
from dragoman.wire import predict_message
from dragoman.wire.fitting import with_trailing_axis
from dragoman.wire.messages import WireRequest
from dragoman.wire.predict_message import TensorsDraft
from dragoman.wire.proto_fields import Data
from dragoman.wire.serialized import predict_request
from dragoman.wire.tensor_proto import read_tensor


def parse_predict(wire: WireRequest, limits: Limits) -> TensorsDraft:
    """The message's parts, for the model's only signature.

    Errors: as `predict_message.parse_predict`.
    """
    draft = predict_message.parse_predict(True, wire, limits)
    if draft.target.signature is not None:
        draft.target = replace(draft.target, signature=None)
    draft.outputs.clear()
    return draft


def bind_predict(draft: TensorsDraft, signature: Signature) -> CoreRequest:
    """Tensors for the signature's inputs.

    Errors: INVALID_ARGUMENT for names that are not the signature's, other types, and tensors that are none.
    Shapes are the engine's to refuse.
    """
    inputs, specs = draft.inputs, signature.inputs
    if inputs.keys() != specs.keys():
        check_names(inputs, signature)
    tensors = {}
    for name, spec in specs.items():
        data = inputs.get(name)
        if data is not None:
            tensors[name] = fitted(name, data, spec, signature)
        elif spec.default is not None:
            tensors[name] = spec.default
    return predict_request(signature, tensors)


def fitted(name: str, data: Data, spec: TensorSpec, signature: Signature) -> Tensor:
    """The tensor as the input takes it.

    Errors: INVALID_ARGUMENT.
    """
    tensor = read_tensor(name, data, 0, exact=True)
    if tensor.dtype is spec.dtype:
        return Tensor(tensor.dtype, with_trailing_axis(tensor.array, spec, signature))
    if tensor.dtype is DType.BYTES and spec.image is not None:
        return tensor
    if tensor.dtype is DType.BYTES and tensor.array.ndim == 1 and takes_strings(spec):
        return rows_of_bytes(name, tensor.array.tolist())
    raise wrong_dtype(name, tensor.dtype, spec.dtype)

"""A version's signatures as TensorFlow Serving describes them (`apis/get_model_metadata.proto` as JSON).

TensorFlow Serving prints the names of the definition, OpenVINO Model Server those of proto3's JSON mapping,
and of a tensor no name but the callers'.
"""

import enum
from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.status import VersionStatus
from dragoman.core.tensors import DType, Shape

DATA_TYPES: Final[Mapping[DType, str]] = {  # tensorflow/core/framework/types.proto
    DType.BOOL: "DT_BOOL",
    DType.UINT8: "DT_UINT8",
    DType.UINT16: "DT_UINT16",
    DType.UINT32: "DT_UINT32",
    DType.UINT64: "DT_UINT64",
    DType.INT8: "DT_INT8",
    DType.INT16: "DT_INT16",
    DType.INT32: "DT_INT32",
    DType.INT64: "DT_INT64",
    DType.FP16: "DT_HALF",
    DType.BF16: "DT_BFLOAT16",
    DType.FP32: "DT_FLOAT",
    DType.FP64: "DT_DOUBLE",
    DType.BYTES: "DT_STRING",
}
TYPE_URL: Final = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
# Names as TensorFlow Serving prints them, and as OpenVINO Model Server's clients read them from the same URL.
CAMEL_CASE: Final[Mapping[str, str]] = {
    "model_spec": "modelSpec",
    "signature_name": "signatureName",
    "signature_def": "signatureDef",
    "tensor_shape": "tensorShape",
    "unknown_rank": "unknownRank",
    "method_name": "methodName",
}


class Spelling(enum.Enum):
    """How the keys are written; an answer with both is read by the clients of either."""

    SNAKE = "snake"
    CAMEL = "camel"
    BOTH = "both"


def metadata_body(model: str, version: VersionStatus, spelling: Spelling) -> dict[str, Any]:
    """The answer for one version."""

    def message(**members: Any) -> dict[str, Any]:
        if spelling is Spelling.SNAKE:
            return members
        camel = {CAMEL_CASE.get(key, key): value for key, value in members.items()}
        return camel if spelling is Spelling.CAMEL else members | camel

    def tensor_info(spec: TensorSpec) -> dict[str, Any]:
        shape = message(dim=dimensions(spec.shape), unknown_rank=spec.shape is None)
        name = spec.name if spelling is Spelling.CAMEL else spec.tensor_name
        return message(dtype=DATA_TYPES[spec.dtype], tensor_shape=shape, name=name)

    def signature_def(signature: Signature) -> dict[str, Any]:
        return message(
            inputs={name: tensor_info(spec) for name, spec in signature.inputs.items()},
            outputs={name: tensor_info(spec) for name, spec in signature.outputs.items()},
            method_name=f"tensorflow/serving/{signature.method.value}",
            defaults={},
        )

    signatures = {name: signature_def(signature) for name, signature in version.signatures.items()}
    signature_map = message(signature_def=signatures)
    if spelling is not Spelling.SNAKE:
        signature_map["@type"] = TYPE_URL
    return message(
        model_spec=message(name=model, signature_name="", version=str(version.version)),
        metadata={"signature_def": signature_map},
    )


def dimensions(shape: Shape | None) -> list[dict[str, str]]:
    """The sizes as texts, -1 for an open one; none where even the rank is open."""
    return [{"size": str(-1 if size is None else size), "name": ""} for size in shape or ()]

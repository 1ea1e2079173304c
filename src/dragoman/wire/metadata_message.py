"""tensorflow.serving.GetModelMetadataResponse: a version's signatures, as data over gRPC."""

from typing import TYPE_CHECKING, Final

from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.status import VersionStatus
from dragoman.wire.signature_map import DATA_TYPES
from dragoman.wire.tfs_messages import messages

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

SIGNATURE_DEF: Final = "signature_def"  # the only field of metadata that there is


def metadata_response(model: str, version: VersionStatus, *, graph_names: bool = True) -> bytes:
    """The answer for one version of a model, whose tensors have the names in the graph, or the callers'."""
    response = messages().GetModelMetadataResponse()
    response.model_spec.name = model
    response.model_spec.version.value = version.version
    response.model_spec.version.SetInParent()
    signatures = messages().SignatureDefMap()
    for name, signature in version.signatures.items():
        describe_signature(signatures.signature_def[name], signature, graph_names)
    response.metadata[SIGNATURE_DEF].Pack(signatures)
    return response.SerializeToString(deterministic=True)


def describe_signature(described: "SignatureDef", signature: Signature, graph_names: bool) -> None:
    """Fill in a SignatureDef."""
    for name, spec in signature.inputs.items():
        describe_tensor(described.inputs[name], spec, graph_names)
    for name, spec in signature.outputs.items():
        describe_tensor(described.outputs[name], spec, graph_names)
    described.method_name = f"tensorflow/serving/{signature.method.value}"


def describe_tensor(described: "TensorInfo", spec: TensorSpec, graph_names: bool) -> None:
    """Fill in a TensorInfo: -1 for an open size."""
    dims = [{"size": -1 if size is None else size} for size in spec.shape or ()]
    shape = {"dim": dims, "unknown_rank": spec.shape is None}
    name = spec.tensor_name if graph_names else spec.name
    described.MergeFrom(type(described)(name=name, dtype=DATA_TYPES[spec.dtype], tensor_shape=shape))

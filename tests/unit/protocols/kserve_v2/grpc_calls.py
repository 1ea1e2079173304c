"""Calls of the gRPC methods through the codec alone, over the reference models: bytes in, bytes out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature
from dragoman.core.status import StatusReport
from dragoman.core.tensors import NUMPY, Array, DType, Tensor
from dragoman.settings.limits import Limits
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.wire.datatypes import DATATYPES, DTYPES
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import GrpcForm, InferOperation, StatusOperation, StreamOperation
from dragoman.wire.protobuf import message_class, message_classes
from dragoman.wire.raw_tensors import read_raw, write_raw
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import REPORT, SIGNATURES, pin, run, select

SERVICE: Final = "/inference.GRPCInferenceService"
INFER: Final = f"{SERVICE}/ModelInfer"
STREAM: Final = f"{SERVICE}/ModelStreamInfer"
USUAL: Final = GrpcForm()
LIMITS: Final = Limits()
MESSAGES: Final = message_classes(
    "inference",
    [
        "ServerLiveRequest", "ServerLiveResponse", "ServerReadyRequest", "ServerReadyResponse",
        "ServerMetadataRequest", "ServerMetadataResponse", "ModelReadyRequest", "ModelReadyResponse",
        "ModelMetadataRequest", "ModelMetadataResponse", "ModelInferRequest", "ModelInferResponse",
        "ModelStreamInferResponse",
    ],
)  # fmt: skip
PARAMETER: Final = message_class("inference.InferParameter")
FIELDS: Final = {
    DType.BOOL: "bool_contents",
    DType.INT8: "int_contents",
    DType.INT16: "int_contents",
    DType.INT32: "int_contents",
    DType.INT64: "int64_contents",
    DType.UINT8: "uint_contents",
    DType.UINT16: "uint_contents",
    DType.UINT32: "uint_contents",
    DType.UINT64: "uint64_contents",
    DType.FP32: "fp32_contents",
    DType.FP64: "fp64_contents",
    DType.BYTES: "bytes_contents",
}
OK, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED = 0, 3, 5, 7
UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 12, 13, 14


def operations(form: GrpcForm = USUAL) -> Mapping[str, Any]:
    """The operations of a listener of that form, by method."""
    return GrpcRouter([PROTOCOL], "superset", form).operations


def wire(message: Any, method: str = INFER, metadata: Mapping[str, str] | None = None) -> WireRequest:
    """A message as the transport hands it over; bytes go as they are."""
    body = message if isinstance(message, bytes) else message.SerializeToString()
    lines = [(name.encode(), value.encode()) for name, value in (metadata or {}).items()]
    return WireRequest("POST", method, "", lines, body)


def call(
    message: Any,
    method: str = INFER,
    form: GrpcForm = USUAL,
    metadata: Mapping[str, str] | None = None,
    report: StatusReport = REPORT,
) -> WireResponse:
    """The answer to a message; of a stream, to one of its messages."""
    operation = operations(form)[method]
    request = wire(message, method, metadata)
    if isinstance(operation, StreamOperation):
        return infer(operation.message, request, report)
    if isinstance(operation, InferOperation):
        return infer(operation, request, report)
    assert isinstance(operation, StatusOperation)
    try:
        return operation.answer(request, report)
    except DragomanError as error:
        return operation.fail(None, error)


def infer(operation: InferOperation, request: WireRequest, report: StatusReport) -> WireResponse:
    draft = None
    try:
        draft = operation.parse(request, LIMITS)
        name, version = pin(draft.target, report)
        found = select(SIGNATURES[name], draft.target.signature)
        response = run(name, version, operation.bind(draft, found), found)
        response.version = version
        return operation.encode(draft, response)
    except DragomanError as error:
        return operation.fail(draft, error)


def bound(message: Any, signature: Signature) -> Any:
    """The request that a message is to a model of that signature."""
    operation = operations()[INFER]
    return operation.bind(operation.parse(wire(message), LIMITS), signature)


def array(values: Any, datatype: str = "FP32") -> Array:
    """An array of a datatype; of texts, from bytes."""
    return np.array(values, NUMPY[DTYPES[datatype]])


def request(
    model: str = "echo_float32",
    *,
    raw: bool = True,
    outputs: Sequence[Any] = (),
    parameters: Mapping[str, Any] | None = None,
    **inputs: Any,
) -> Any:
    """A ModelInferRequest of arrays by input, raw or as numbers. `outputs`: names, or (name, parameters)."""
    message = MESSAGES["ModelInferRequest"](model_name=model)
    for name, value in inputs.items():
        add_input(message, name, np.asarray(value), raw=raw)
    for output in outputs:
        name, given = output if isinstance(output, tuple) else (output, {})
        set_parameters(message.outputs.add(name=name).parameters, given)
    set_parameters(message.parameters, parameters or {})
    return message


def add_input(message: Any, name: str, value: Array, *, raw: bool = True) -> Any:
    """Add an input to a message."""
    dtype = next(dtype for dtype, numpy in NUMPY.items() if numpy == value.dtype)
    entry = message.inputs.add(name=name, datatype=DATATYPES[dtype], shape=value.shape)
    if raw:
        message.raw_input_contents.append(bytes(write_raw(Tensor(dtype, value))))
    else:
        entry.contents.SetInParent()
        getattr(entry.contents, FIELDS[dtype]).extend(value.reshape(-1).tolist())
    return entry


def set_parameters(made: Any, given: Mapping[str, Any]) -> None:
    kinds = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}
    for name, value in given.items():
        if isinstance(value, PARAMETER):
            made[name].CopyFrom(value)
        else:
            setattr(made[name], kinds[type(value)], value)


def answer_of(response: WireResponse) -> Any:
    """The message of a good ModelInfer."""
    assert response.status == OK, response.message
    return MESSAGES["ModelInferResponse"].FromString(response.body)


def streamed(response: WireResponse | bytes) -> Any:
    """A message of Triton's ModelStreamInfer."""
    body = response if isinstance(response, bytes) else response.body
    return MESSAGES["ModelStreamInferResponse"].FromString(body)


def raw_outputs(message: Any) -> dict[str, Array]:
    """The outputs of an answer, from their raw bytes."""
    assert len(message.raw_output_contents) == len(message.outputs)
    return {
        output.name: read_raw(output.name, raw, DTYPES[output.datatype], tuple(output.shape))
        for output, raw in zip(message.outputs, message.raw_output_contents, strict=True)
    }


def explicit_outputs(message: Any) -> dict[str, Array]:
    """The outputs of an answer, from their numbers."""
    found = {}
    for output in message.outputs:
        dtype = DTYPES[output.datatype]
        values = list(getattr(output.contents, FIELDS[dtype]))
        found[output.name] = np.array(values, NUMPY[dtype]).reshape(tuple(output.shape))
    return found


def refused(message: Any, method: str = INFER, **more: Any) -> tuple[int, str]:
    """The status of a failed call and its message."""
    response = call(message, method, **more)
    assert response.status, response.body
    return response.status, response.message

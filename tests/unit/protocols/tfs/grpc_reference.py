"""The reference models over gRPC, without gRPC: bytes in, bytes out."""

from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs import PROTOCOL
from dragoman.settings.limits import Limits
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    GrpcForm,
    InferOperation,
    MultiInferOperation,
    Operation,
    StatusOperation,
)
from dragoman.wire.protobuf import message_class, message_classes
from dragoman.wire.tensor_proto import read_tensor, write_content
from tests.unit.protocols.tfs.reference import REPORT, SIGNATURES, Codec, pin, run, select

PREDICTION: Final = "/tensorflow.serving.PredictionService"
MODEL: Final = "/tensorflow.serving.ModelService"

SERVING: Final = message_classes(
    "tensorflow.serving",
    [
        "ClassificationRequest", "ClassificationResponse", "RegressionRequest", "RegressionResponse",
        "PredictRequest", "PredictResponse", "MultiInferenceRequest", "MultiInferenceResponse",
        "GetModelMetadataRequest", "GetModelMetadataResponse", "SignatureDefMap",
        "GetModelStatusRequest", "GetModelStatusResponse", "ReloadConfigRequest", "ReloadConfigResponse",
    ],
)  # fmt: skip
EXAMPLE: Final = message_class("tensorflow.Example")

OK, INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, UNIMPLEMENTED, UNAVAILABLE = 0, 3, 5, 9, 12, 14


class GrpcCodec:
    """One dialect of the protocol over the reference models."""

    def __init__(
        self, dialect: str, report: StatusReport = REPORT, limits: Limits | None = None, *, raw: bool = False
    ) -> None:
        self._operations = GrpcRouter([PROTOCOL], dialect, GrpcForm(raw_tensors=raw)).operations
        self._codec = Codec(dialect, report)
        self._report = report
        self._limits = limits or Limits()

    def operation(self, method: str) -> Operation:
        return self._operations[method]

    def call(self, method: str, message: Any) -> WireResponse:
        """The answer to a message, or to bytes that should be one."""
        body = message if isinstance(message, bytes) else message.SerializeToString()
        wire = WireRequest("POST", method, "", [], body)
        operation = self.operation(method)
        if isinstance(operation, InferOperation):
            return self._infer(operation, wire)
        if isinstance(operation, MultiInferOperation):
            return self._infer_parts(operation, wire)
        assert isinstance(operation, StatusOperation)
        try:
            return operation.answer(wire, self._report)
        except DragomanError as error:
            return operation.fail(None, error)

    def _infer(self, operation: InferOperation, wire: WireRequest) -> WireResponse:
        draft = None
        try:
            draft = operation.parse(wire, self._limits)
            name, version = pin(draft.target, self._report)
            found = select(SIGNATURES[name], draft.target.signature)
            response = run(name, version, operation.bind(draft, found), found)
            response.version = version
            return operation.encode(draft, response)
        except DragomanError as error:
            return operation.fail(draft, error)

    def _infer_parts(self, operation: MultiInferOperation, wire: WireRequest) -> WireResponse:
        draft = None
        try:
            draft = operation.parse(wire, self._limits)
            name, version = pin(draft.target, self._report)
            responses = []
            for part in draft.parts:
                found = select(SIGNATURES[name], part.target.signature)
                responses.append(run(name, version, operation.bind(part, found), found))
                responses[-1].version = version
            return operation.encode(draft, responses)
        except DragomanError as error:
            return operation.fail(draft, error)


def tensor(array: Any, dtype: DType = DType.FP32, **extra: Any) -> Any:
    """A TensorProto as clients make it: raw content, or texts."""
    if dtype is not DType.BYTES:
        array = np.array(array, dtype.numpy)
    head, data = write_content(Tensor(dtype, array))
    return message_class("tensorflow.TensorProto").FromString(head + data)


def predict_request(
    model: str | None = "half_plus_two", *, outputs: list[str] | None = None, **inputs: Any
) -> Any:
    """A PredictRequest for the latest version and the default signature."""
    message = SERVING["PredictRequest"](output_filter=outputs or [])
    if model is not None:
        message.model_spec.name = model
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(value)
    return message


def outputs(response: WireResponse) -> dict[str, Any]:
    """The outputs of an answered Predict as lists."""
    assert response.status == OK, response.message
    answered = SERVING["PredictResponse"].FromString(response.body).outputs
    return {
        name: read_tensor(name, value.SerializeToString(), 10**6).array.tolist()
        for name, value in answered.items()
    }


def example(**features: Any) -> Any:
    """An Example of float, int64 and bytes features."""
    message = EXAMPLE()
    kinds = {float: "float_list", int: "int64_list", bytes: "bytes_list"}
    for name, values in features.items():
        given = values if isinstance(values, list) else [values]
        getattr(message.features.feature[name], kinds[type(given[0])]).value.extend(given)
    return message

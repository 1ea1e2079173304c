"""The reference models as plain functions, and one request through the codec without server or engine."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import CoreRequest, ExampleRequest, Kind, Target
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import FeatureSpec, Method, Signature, TensorSpec
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.execution.examples import tensors_from_examples
from dragoman.protocols.tfs import PROTOCOL
from dragoman.settings.limits import Limits
from dragoman.transports.http.router import Router
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import InferOperation, Operation, ProtocolSpec, StatusOperation

Function = Callable[[Mapping[str, Array]], Mapping[str, Array]]

LIMITS: Final = Limits()
EXAMPLE: Final = FeatureSpec("x", DType.FP32, (), "x")


def spec(name: str, dtype: DType, shape: tuple[int | None, ...] | None) -> TensorSpec:
    return TensorSpec(name, dtype, shape, name)


def signature(inputs: list[TensorSpec], outputs: list[TensorSpec], **more: Any) -> Signature:
    more.setdefault("name", "serving_default")
    return Signature(
        inputs={each.name: each for each in inputs}, outputs={each.name: each for each in outputs}, **more
    )


def echo_signature(dtype: DType, shape: tuple[int | None, ...] | None = None) -> Signature:
    return signature([spec("x", dtype, shape)], [spec("y", dtype, shape)])


def example_signature(method: Method, output: str, shape: tuple[int | None, ...] = (None,)) -> Signature:
    return signature(
        [spec("inputs", DType.BYTES, (None,))],
        [TensorSpec(output, DType.FP32, shape, "y")],
        name=f"{method.value}_x_to_y",
        method=method,
        accepts=frozenset({Kind.EXAMPLES}),
        features={"x": EXAMPLE},
    )


HALF_PLUS_TWO: Final = {
    each.name: each
    for each in (
        signature([spec("x", DType.FP32, (None,))], [spec("y", DType.FP32, (None,))]),
        example_signature(Method.REGRESS, "outputs"),
        example_signature(Method.CLASSIFY, "scores"),
    )
}
MIXED: Final = signature(
    [
        spec("tag", DType.BYTES, (None,)),
        spec("signal", DType.INT64, (None, 5)),
        spec("sensor", DType.INT64, (None, 2, 2)),
    ],
    [
        spec("tag_out", DType.BYTES, (None,)),
        spec("signal_out", DType.INT64, (None, 5)),
        spec("sensor_out", DType.INT64, (None, 2, 2)),
    ],
)
TWO_OUT: Final = signature(
    [spec("x", DType.FP32, (None, 2))], [spec("sum", DType.FP32, (None,)), spec("diff", DType.FP32, (None,))]
)
BYTES_OUT: Final = signature(
    [spec("image_bytes", DType.BYTES, (None,))], [spec("image_bytes", DType.BYTES, (None,))]
)
ADD_SUB: Final = signature(
    [spec(f"INPUT{number}", DType.INT32, (None, 16)) for number in range(2)],
    [spec(f"OUTPUT{number}", DType.INT32, (None, 16)) for number in range(2)],
)
MATRIX: Final = signature([spec("m", DType.FP32, (None, None))], [spec("t", DType.FP32, (None, None))])

SIGNATURES: Final[dict[str, dict[str, Signature]]] = {
    "half_plus_two": HALF_PLUS_TWO,
    "mixed": {"serving_default": MIXED},
    "two_out": {"serving_default": TWO_OUT},
    "bytes_out": {"serving_default": BYTES_OUT},
    "matrix": {"serving_default": MATRIX},
    "add_sub": {"serving_default": ADD_SUB},
    **{
        f"echo_{'string' if dtype is DType.BYTES else dtype.value}": {
            "serving_default": echo_signature(dtype)
        }
        for dtype in DType
    },
}
FUNCTIONS: Final[dict[str, Function]] = {
    "mixed": lambda given: {f"{name}_out": array for name, array in given.items()},
    "two_out": lambda given: {
        "sum": given["x"][:, 0] + given["x"][:, 1],
        "diff": given["x"][:, 0] - given["x"][:, 1],
    },
    "bytes_out": lambda given: given,
    "matrix": lambda given: {"t": given["m"].T},
    "add_sub": lambda given: {
        "OUTPUT0": given["INPUT0"] + given["INPUT1"],
        "OUTPUT1": given["INPUT0"] - given["INPUT1"],
    },
}


def model(name: str, *versions: VersionStatus, **labels: int) -> ModelStatus:
    return ModelStatus(name, versions, labels)


def ready(name: str, number: int) -> VersionStatus:
    return VersionStatus(number, State.READY, "numpy", signatures=SIGNATURES[name], loaded_at_s=1700000000.5)


REPORT: Final = StatusReport(
    {name: model(name, ready(name, 1)) for name in SIGNATURES}
    | {
        "half_plus_two": model(
            "half_plus_two", ready("half_plus_two", 1), ready("half_plus_two", 2), stable=1, canary=2
        )
    }
)


class Codec:
    """One dialect of a protocol over the reference models."""

    def __init__(
        self, dialect: str, report: StatusReport = REPORT, protocol: ProtocolSpec = PROTOCOL
    ) -> None:
        self._router = Router([protocol], dialect)
        self._report = report

    def answer(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> WireResponse:
        operation, wire = self.request(method, target, body, headers)
        if isinstance(operation, InferOperation):
            return self.infer(operation, wire)
        assert isinstance(operation, StatusOperation)
        try:
            return operation.answer(wire, self._report)
        except DragomanError as error:
            return operation.fail(None, error)

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[Operation, WireRequest]:
        path, _, query = target.partition("?")
        operation, params = self._router.match(method, path)
        lines = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        return operation, WireRequest(method, path, query, lines, body, params)

    def infer(self, operation: InferOperation, wire: WireRequest) -> WireResponse:
        draft = None
        try:
            draft = operation.parse(wire, LIMITS)
            name, version = pin(draft.target, self._report)
            found = select(SIGNATURES[name], draft.target.signature)
            return operation.encode(draft, run(name, version, operation.bind(draft, found), found))
        except DragomanError as error:
            return operation.fail(draft, error)


def pin(target: Target, report: StatusReport) -> tuple[str, int]:
    status = report.models.get(target.model)
    if status is None:
        raise DragomanError(Code.NOT_FOUND, "no such model", reason=Reason.MODEL_UNKNOWN)
    version = target.version
    if target.label is not None:
        version = status.labels.get(target.label)
        if version is None:
            raise DragomanError(Code.NOT_FOUND, "no such label", reason=Reason.LABEL_UNKNOWN)
    if version is None or (version == 0 and target.zero_means_latest):
        if status.latest_ready is None:
            raise DragomanError(Code.UNAVAILABLE, "loading", reason=Reason.MODEL_NOT_READY, retry_after_s=0.2)
        version = status.latest_ready.version
    if status.version(version) is None:
        raise DragomanError(Code.NOT_FOUND, "no such version", reason=Reason.VERSION_UNKNOWN)
    return status.name, version


def select(signatures: Mapping[str, Signature], name: str | None) -> Signature:
    found = signatures.get(name or "serving_default")
    if found is None:
        raise DragomanError(Code.NOT_FOUND, "no such signature", reason=Reason.SIGNATURE_UNKNOWN)
    return found


def run(name: str, version: int, request: CoreRequest, found: Signature) -> TensorResponse:
    if isinstance(request, ExampleRequest):
        request = tensors_from_examples(request, found)
    given = {key: tensor.array for key, tensor in request.inputs.items()}
    outputs: Mapping[str, Array]
    if name == "half_plus_two":
        (key,) = found.outputs
        outputs = {key: given["x"] * np.float32(0.5) + np.float32(version + 1)}
    else:
        outputs = FUNCTIONS.get(name, lambda given: {"y": given["x"]})(given)
    answered = {key: Tensor(found.outputs[key].dtype, array) for key, array in outputs.items()}
    return TensorResponse(answered, version)

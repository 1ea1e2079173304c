"""Recorded requests that are replayed before a version serves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from dragoman.assembly.builtin import protocols
from dragoman.assembly.warmup import make_warm_up
from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.images import Preprocessing
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType
from dragoman.engines.onnx import OnnxEngine
from dragoman.repository.loader import LoadedVersion, ModelLoader
from dragoman.repository.source import Candidate, FileSystemSource
from dragoman.settings.limits import Limits
from dragoman.wire.proto_fields import field
from dragoman.wire.protobuf import message_classes
from dragoman.wire.tf_record import write_record
from tests.conformance.reference_models import write

REQUESTS: Final = ("PredictRequest", "RegressionRequest", "ClassificationRequest", "MultiInferenceRequest")
SERVING: Final = message_classes("tensorflow.serving", ["PredictionLog", *REQUESTS])
FILE: Final = "assets.extra/tf_serving_warmup_requests"
PREDICTION = {"dtype": 1, "tensor_shape": {"dim": [{"size": 2}]}, "float_val": [1.0, 2.0]}
EXAMPLE = {"features": {"feature": {"x": {"float_list": {"value": [1.0]}}}}}
EXAMPLES = {"example_list": {"examples": [EXAMPLE]}}


def predict(spec: dict[str, Any] | None = None, **inputs: Any) -> Any:
    request = SERVING["PredictRequest"](model_spec=spec)
    for name, tensor in (inputs or {"x": PREDICTION}).items():
        request.inputs[name].CopyFrom(type(request.inputs[name])(**tensor))
    return SERVING["PredictionLog"](predict_log={"request": request})


def examples(kind: str, log: str, signature: str) -> Any:
    request = SERVING[kind](model_spec={"name": "any", "signature_name": signature}, input=EXAMPLES)
    return SERVING["PredictionLog"](**{log: {"request": request}})


def multi_inference() -> Any:
    tasks = [
        {
            "model_spec": {"name": "any", "signature_name": f"{method}_x_to_y"},
            "method_name": f"tensorflow/serving/{method}",
        }
        for method in ("regress", "classify")
    ]
    request = SERVING["MultiInferenceRequest"](tasks=tasks, input=EXAMPLES)
    return SERVING["PredictionLog"](multi_inference_log={"request": request})


class Counting:
    """The model with its calls counted."""

    def __init__(self, model: Any) -> None:
        self.signatures = model.signatures
        self.concurrency = model.concurrency
        self.calls = 0
        self.last: TensorRequest | None = None
        self._model = model

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        self.calls += 1
        self.last = request
        response: TensorResponse = self._model.infer(request, call)
        return response

    def stream(self, request: TensorRequest, call: CallContext) -> Any:
        return self._model.stream(request, call)

    def close(self) -> None:
        self._model.close()


class Version:
    """half_plus_two, loaded and about to serve."""

    def __init__(self, folder: Path) -> None:
        write(folder)
        engines = {"onnx": OnnxEngine()}
        aspired = FileSystemSource(str(folder), engines).aspired()
        self.candidate: Candidate = aspired.models["half_plus_two"].candidates[0]
        loaded = ModelLoader(engines).load(self.candidate)
        self.model = Counting(loaded.model)
        self.loaded = LoadedVersion(loaded.engine, self.model, loaded.signatures)

    def warm_up(self, logs: Sequence[Any]) -> int:
        """The calls that these records make."""
        return self.warm_up_bytes(b"".join(write_record(log.SerializeToString()) for log in logs))

    def warm_up_bytes(self, data: bytes) -> int:
        file = Path(self.candidate.path) / FILE
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        make_warm_up(protocols(), Limits())(self.candidate, self.loaded)
        return self.model.calls


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return Version(tmp_path)


def refusal(version: Version, *logs: Any) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        version.warm_up(logs)
    return caught.value


def test_nothing_is_recorded_for_most_models(version: Version) -> None:
    make_warm_up(protocols(), Limits())(version.candidate, version.loaded)
    assert version.model.calls == 0


@pytest.mark.parametrize(
    ("log", "calls"),
    [
        (predict({"name": "half_plus_two", "signature_name": "serving_default"}), 1),
        (predict(), 1),
        (examples("ClassificationRequest", "classify_log", "classify_x_to_y"), 1),
        (examples("RegressionRequest", "regress_log", "regress_x_to_y"), 1),
        (multi_inference(), 2),
    ],
    ids=["predict", "no_model_spec", "classify", "regress", "multi_inference"],
)
def test_each_kind_of_record_is_replayed(version: Version, log: Any, calls: int) -> None:
    assert version.warm_up([log]) == calls


def test_what_is_replayed_is_preprocessed(version: Version) -> None:
    signature = version.loaded.signatures["serving_default"]
    less = replace(signature.inputs["x"], preprocessing=Preprocessing(DType.FP32, mean=(1.0,)))
    signatures = {"serving_default": replace(signature, inputs={"x": less})}
    version.loaded = LoadedVersion(version.loaded.engine, version.model, signatures)
    assert version.warm_up([predict()]) == 1
    assert version.model.last is not None
    assert version.model.last.inputs["x"].array.tolist() == [0.0, 1.0]


def test_every_record_is_replayed(version: Version) -> None:
    assert version.warm_up([predict()] * 1000) == 1000


def test_more_than_a_thousand_records_are_refused(version: Version) -> None:
    error = refusal(version, *[predict()] * 1001)
    assert error.code is Code.INVALID_ARGUMENT
    assert "record 1000: the number of warm-up records exceeds the maximum (1000)" in error.message


def test_a_record_that_fails_fails_the_load_and_is_named(version: Version) -> None:
    error = refusal(version, predict(), predict(None, y=PREDICTION))
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message.startswith(f"half_plus_two/1/{FILE}: record 1: ")


def test_a_record_for_a_signature_that_is_not_there_is_refused(version: Version) -> None:
    error = refusal(version, predict({"signature_name": "other"}))
    assert error.code is Code.NOT_FOUND
    assert error.message.endswith("record 0: the model has no signature 'other'")


@pytest.mark.parametrize("record", [field(0x2A, b""), field(0x3A, b""), b""], ids=["run", "stream", "none"])
def test_other_kinds_of_record_are_not_implemented(version: Version, record: bytes) -> None:
    with pytest.raises(DragomanError, match="record 0: unsupported log_type") as caught:
        version.warm_up_bytes(write_record(record))
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_damaged_file_says_what_it_should_be(version: Version) -> None:
    with pytest.raises(DragomanError, match="is it in the TFRecord format") as caught:
        version.warm_up_bytes(b"this is no TFRecord at all")
    assert caught.value.code is Code.INTERNAL


def test_a_model_that_is_one_file_has_nothing_recorded(version: Version) -> None:
    file = replace(version.candidate, path=str(Path(version.candidate.path) / "model.onnx"))
    make_warm_up(protocols(), Limits())(file, version.loaded)
    assert version.model.calls == 0

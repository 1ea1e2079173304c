"""What a configuration that came with a request says of a model, held against the model."""

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.override import DemandedTensor, Demands
from dragoman.core.signatures import Answers, Signature, TensorSpec
from dragoman.core.tensors import DType, Shape, Tensor
from dragoman.engines.base import Trust
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.python_model import PythonModelEngine
from dragoman.repository.demands import check_choices, narrowed_signatures
from dragoman.repository.trust import check_upload

DEFAULT = Tensor(DType.BOOL, np.array(True))
SIGNATURE = Signature(
    "serving_default",
    {
        "pixels": TensorSpec("pixels", DType.FP32, (None, 224, None), "pixels"),
        "any": TensorSpec("any", DType.BYTES, None, "any"),
        "flag": TensorSpec("flag", DType.BOOL, (None,), "flag", default=DEFAULT),
    },
    {"score": TensorSpec("score", DType.FP32, (None, 10), "score")},
)
OTHER = replace(SIGNATURE, name="other")
SIGNATURES = {"serving_default": SIGNATURE, "other": OTHER}
PIXELS = DemandedTensor("pixels", DType.FP32, (None, 224, 3))
ANY = DemandedTensor("any", DType.BYTES, (None,))


def shapes(*inputs: DemandedTensor) -> dict[str, Shape | None]:
    made = narrowed_signatures(SIGNATURES, Demands(inputs=inputs))
    assert made["other"] is OTHER
    return {name: spec.shape for name, spec in made["serving_default"].inputs.items()}


def test_open_sizes_are_narrowed_and_an_open_rank_stays_open() -> None:
    assert shapes(PIXELS, ANY) == {"pixels": (None, 224, 3), "any": None, "flag": (None,)}


def test_what_is_not_said_stays_as_the_model_has_it() -> None:
    own = {name: spec.shape for name, spec in SIGNATURE.inputs.items()}
    assert shapes() == own
    assert shapes(DemandedTensor("pixels"), DemandedTensor("any")) == own
    assert shapes(DemandedTensor("pixels", shape=(None, None, None)), ANY) == own


def test_some_outputs_are_enough() -> None:
    demands = Demands(outputs=(DemandedTensor("score", DType.FP32, (4, 10)),))
    made = narrowed_signatures(SIGNATURES, demands)["serving_default"]
    assert made.outputs["score"].shape == (4, 10)


@pytest.mark.parametrize(
    ("demands", "words"),
    [
        (Demands(inputs=(PIXELS,)), "the model's input 'any' is left out"),
        (Demands(inputs=(DemandedTensor("nope"),)), "no input 'nope'; its inputs are any, flag, pixels"),
        (Demands(inputs=(DemandedTensor("any", DType.FP32),)), "'any': the model's is bytes, not float32"),
        (Demands(inputs=(DemandedTensor("pixels", shape=(None, 225, 3)),)), "does not fit"),
        (Demands(inputs=(DemandedTensor("pixels", shape=(None, 224)),)), "does not fit"),
        (Demands(outputs=(DemandedTensor("nope"),)), "no output 'nope'; its outputs are score"),
        (Demands(parts=True), "does not answer in parts"),
    ],
)
def test_what_the_model_does_not_have_is_named(demands: Demands, words: str) -> None:
    with pytest.raises(DragomanError, match=words) as caught:
        narrowed_signatures(SIGNATURES, demands)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_model_that_answers_in_parts_alone_may_be_said_to() -> None:
    parts = {"serving_default": replace(SIGNATURE, answers=Answers.PARTS)}
    assert narrowed_signatures(parts, Demands(parts=True)) == parts


def test_a_model_without_a_default_signature_fulfils_no_demand() -> None:
    several = {"a": replace(SIGNATURE, name="a"), "b": replace(SIGNATURE, name="b")}
    assert narrowed_signatures(several, Demands()) is several
    with pytest.raises(DragomanError, match="no default signature"):
        narrowed_signatures(several, Demands(inputs=(ANY,)))


FILE = "model.onnx"


def test_the_file_that_is_named_is_the_one_that_is_loaded() -> None:
    check_choices(Demands(file="model.onnx"), FILE, OnnxEngine())
    with pytest.raises(DragomanError, match=r"loads 'model\.onnx', not 'other\.onnx'"):
        check_choices(Demands(file="other.onnx"), FILE, OnnxEngine())


@pytest.mark.parametrize("option", ["provider_options", "session_config"])
def test_options_that_can_name_files_are_the_owners(option: str) -> None:
    check_choices(Demands(options=frozenset({"intra_op_threads"})), FILE, OnnxEngine())
    with pytest.raises(DragomanError, match=rf"parameters.{option} may be set in the model's own files only"):
        check_choices(Demands(options=frozenset({option, "a"})), FILE, OnnxEngine())


def test_so_are_those_of_openvino_and_all_that_are_given_to_code() -> None:
    assert OpenVinoEngine.closed_options == {"cache_dir", "plugin_config"}
    assert PythonModelEngine.trust is Trust.RUNS_CODE
    with pytest.raises(DragomanError, match=r"parameters\.anything"):
        check_choices(Demands(options=frozenset({"anything"})), FILE, PythonModelEngine())


def test_code_that_came_with_a_request_does_not_run() -> None:
    check_upload(OnnxEngine(), "m")
    with pytest.raises(DragomanError, match="put it into the repository") as caught:
        check_upload(PythonModelEngine(), "m")
    assert caught.value.code is Code.FAILED_PRECONDITION

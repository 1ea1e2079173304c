"""Python files that are a step of pipelines."""

from pathlib import Path

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.base import Artifact, FileStat, TreeSnapshot, Trust
from dragoman.engines.python_model import PythonNodeEngine
from dragoman.engines.python_model.model import PythonModel
from dragoman.settings.model import ModelSettings

SCALE = """
import numpy as np

log = []

def initialize(params):
    if params.get("by") == "nothing":
        raise RuntimeError("no scale")
    return {"by": float(params["by"])}

def get_inputs_info(params, state):
    return {"x": ("float32", [0, 2])}

def get_outputs_info(params, state):
    return {"y": ("float32", [None, 2]), "count": "int64"}

def execute(inputs, params, state):
    x = inputs["x"]
    if not x.size:
        raise ValueError("there has to be a row")
    if x[0, 0] < 0:
        raise RuntimeError("secret")
    return {"y": x * np.float32(state["by"]), "count": len(x)}

def release(state):
    state["released"] = state.get("released", 0) + 1
"""


def load(folder: Path, text: str = SCALE, **params: str) -> PythonModel:
    (folder / "scale.py").write_text(text)
    return PythonNodeEngine().load(Artifact(str(folder / "scale.py"), "scale", 1), {"by": "2", **params})


def refusal(folder: Path, text: str, **params: str) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(folder, text, **params)
    return caught.value


def run(model: PythonModel, rows) -> dict:
    array = np.array(rows, np.float32).reshape(-1, 2)
    request = TensorRequest("serving_default", {"x": Tensor(DType.FP32, array)})
    return {name: one.array.tolist() for name, one in model.infer(request, CallContext("id")).outputs.items()}


def failure(model: PythonModel, rows) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        run(model, rows)
    return caught.value


def test_the_functions_see_the_params_and_what_initialize_gave(tmp_path):
    model = load(tmp_path, by="3")
    signature = model.signatures["serving_default"]
    assert [(spec.dtype, spec.shape) for spec in signature.inputs.values()] == [(DType.FP32, (None, 2))]
    assert {name: (spec.dtype, spec.shape) for name, spec in signature.outputs.items()} == {
        "y": (DType.FP32, (None, 2)),
        "count": (DType.INT64, None),
    }
    assert run(model, [[1, 2], [3, 4]]) == {"y": [[3, 6], [9, 12]], "count": 2}


def test_a_value_error_is_the_callers_fault_and_anything_else_the_nodes(tmp_path):
    model = load(tmp_path)
    error = failure(model, [])
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "there has to be a row")
    error = failure(model, [[-1, 0]])
    assert error.code is Code.INTERNAL
    assert error.message == (
        "Custom node failed during execution - scale.py raised RuntimeError; the server's log tells more"
    )


def test_outputs_are_checked_and_told_by_the_files_name(tmp_path):
    model = load(tmp_path, SCALE.replace('"count": len(x)}', '"count": 1.5}'))
    assert failure(model, [[1, 2]]).message.startswith('scale.py: output "count" is no int64 array: ')
    model = load(tmp_path, SCALE.replace(', "count": len(x)}', "}"))
    assert failure(model, [[1, 2]]).message == 'scale.py: execute gave no output "count"'


def test_release_is_called_once_with_the_state(tmp_path):
    model = load(
        tmp_path, SCALE.replace("    state[", "    if 'released' in state: raise OSError\n    state[")
    )
    model.close()
    model.close()
    assert failure(model, [[1, 2]]).code is Code.UNAVAILABLE


def test_initialize_and_release_may_be_left_out(tmp_path):
    text = (
        SCALE[: SCALE.index("def initialize")]
        + SCALE[SCALE.index("def get_inputs") : SCALE.index("def release")]
    )
    model = load(tmp_path, text.replace('state["by"]', "2 if state is None else 3"))
    assert run(model, [[1, 2]])["y"] == [[2, 4]]
    model.close()


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("def execute(", "def run(", Code.INVALID_ARGUMENT,
         "scale.py: there has to be a function execute(inputs, params, state)"),
        ("def execute(inputs, params, state)", "def execute(inputs)", Code.INVALID_ARGUMENT,
         "scale.py: there has to be a function execute(inputs, params, state)"),
        ("def execute(", "async def execute(", Code.INVALID_ARGUMENT,
         "scale.py: execute has to be a plain function, not an async one or a generator"),
        ("def initialize(params)", "def initialize()", Code.INVALID_ARGUMENT,
         "scale.py: there has to be a function initialize(params)"),
        ("def get_inputs_info(", "def getInputsInfo(", Code.INVALID_ARGUMENT,
         "scale.py: there has to be a function get_inputs_info(params, state)"),
        ('return {"x": ("float32", [0, 2])}', "return []", Code.INVALID_ARGUMENT,
         'scale.py: get_inputs_info has to give a dict of tensors, as in {"x": ("float32", [None, 3])}'),
        ('("float32", [0, 2])', '("float31", [0, 2])', Code.INVALID_ARGUMENT,
         "scale.py: get_inputs_info[\"x\"]: 'float31' is no type; there is"),
        ('("float32", [None, 2])', '("float32", [-1, 2])', Code.INVALID_ARGUMENT,
         'scale.py: get_outputs_info["y"]: [-1, 2] is no shape'),
        ("import numpy as np", "import no_such_module_here", Code.FAILED_PRECONDITION,
         "scale.py needs the module no_such_module_here, which is not installed"),
        ('return {"x"', 'raise OSError; return {"x"', Code.INTERNAL,
         "scale.py raised OSError in line 12 while it loaded; the server's log tells more"),
        ("log = []", "concurrency = 0", Code.INVALID_ARGUMENT,
         "scale.py: concurrency is 0; it has to be a whole number from 1 on"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_node_says_what_it_lacks(tmp_path, old, new, code, message):
    assert old in SCALE
    error = refusal(tmp_path, SCALE.replace(old, new))
    assert error.code is code
    assert error.message.startswith(message)
    assert str(tmp_path) not in error.message


def test_an_initialize_that_raises_fails_the_load(tmp_path):
    error = refusal(tmp_path, SCALE, by="nothing")
    assert (
        error.message == "scale.py raised RuntimeError in line 8 while it loaded; the server's log tells more"
    )


def test_a_file_that_says_so_takes_several_calls_at_once(tmp_path):
    assert load(tmp_path).concurrency == 1
    assert load(tmp_path, SCALE.replace("log = []", "concurrency = 4")).concurrency == 4


def test_the_engine_runs_code_and_claims_no_folder(tmp_path):
    assert PythonNodeEngine.trust is Trust.RUNS_CODE
    files = TreeSnapshot("root", {"scale.py": FileStat(1, 1), "model.py": FileStat(1, 1)})
    assert PythonNodeEngine.claim(files, ModelSettings()) is None
    (tmp_path / "scale.py").write_text("12345")
    assert PythonNodeEngine().estimate(Artifact(str(tmp_path / "scale.py"), "s", 1)).memory_bytes == 5

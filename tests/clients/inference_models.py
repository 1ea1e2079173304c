"""The models that clients of the Open Inference Protocol call, beside the reference models and the slow one.

name             inputs              outputs
echo_bfloat16    x bfloat16, any     y = x
scored           x float32 [N,3]     y = x, whose columns have the labels cat, dog and bird
several          single_in float32   single = single_in, half float16 = the same rounded, whole = whole_in;
                 whole_in int64      all of any shape
broken           is no model
countdown        start int32 [1]     left int32 [1], in parts: start-1, ..., 0. Below 0 is the caller's
                                     fault; at 13 the model breaks after its first part
"""

from pathlib import Path
from typing import Final

import onnx
from onnx import TensorProto, helper

from tests.clients.my_models import save, slow
from tests.conformance import reference_models
from tests.conformance.reference_models import build, echo, tensor

LABELS: Final = ("cat", "dog", "bird")
COUNTDOWN: Final = """\
import numpy as np


class Model:
    inputs = {"start": ("int32", [1])}
    outputs = {"left": ("int32", [1])}

    def predict(self, inputs):
        start = int(inputs["start"][0])
        if start < 0:
            raise ValueError("there is nothing to count")
        for left in range(start - 1, -1, -1):
            yield {"left": np.array([left], np.int32)}
            if start == 13:
                raise RuntimeError("a secret of the model")
"""


def several() -> onnx.ModelProto:
    """Two inputs and a rounded one as three outputs."""
    nodes = [
        helper.make_node("Identity", ["single_in"], ["single"]),
        helper.make_node("Cast", ["single_in"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Identity", ["whole_in"], ["whole"]),
    ]
    inputs = [tensor("single_in", TensorProto.FLOAT, None), tensor("whole_in", TensorProto.INT64, None)]
    outputs = [
        tensor("single", TensorProto.FLOAT, None),
        tensor("half", TensorProto.FLOAT16, None),
        tensor("whole", TensorProto.INT64, None),
    ]
    return build(nodes, inputs, outputs)


def write(folder: Path) -> None:
    """The repository."""
    reference_models.write(folder)
    save(slow(), folder, "slow")
    save(echo(TensorProto.BFLOAT16), folder, "echo_bfloat16")
    save(several(), folder, "several")
    row: list[int | str] = ["N", 3]
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    ends = [tensor(name, TensorProto.FLOAT, row) for name in ("x", "y")]
    save(build(nodes, ends[:1], ends[1:]), folder, "scored")
    (folder / "scored" / "model.yaml").write_text(f"classes: [{', '.join(LABELS)}]\n", encoding="utf-8")
    for name in ("broken", "countdown"):
        (folder / name / "1").mkdir(parents=True)
    (folder / "broken" / "1" / "model.onnx").write_bytes(b"no model")
    (folder / "countdown" / "1" / "model.py").write_text(COUNTDOWN, encoding="utf-8")

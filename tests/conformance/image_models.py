"""Write the models of the cases of images, as an ONNX model repository. Each gives what it takes.

name             inputs
picture          x float32 [N,2,2,3]
picture_first    x float32 [1,3,2,2]
picture_<dtype>  x <dtype> [N,2,2,3]: uint8, and the others of DTYPES
picture_grey     x float32 [N,4,4,1]
picture_open     x float32 [N,H,W,C]
prepared         x float32 [N,3,2,2], which `model.yaml` shows as [N,2,2,3] in BGR, with mean and scale
captioned        picture float32 [N,2,2,3], level float32 [N]; outputs picture_out, level_out
half             x float32 [N]; no image
"""

from pathlib import Path
from typing import Final

import onnx
from onnx import TensorProto, helper

from tests.conformance.reference_models import build, tensor

PREPARED: Final = "preprocessing: {layout: 'NHWC:NCHW', color_format: 'RGB:BGR', mean: [1, 2, 3], scale: 2}\n"
FLOAT: Final = TensorProto.FLOAT
DTYPES: Final = {
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "float16": TensorProto.FLOAT16,
    "float64": TensorProto.DOUBLE,
}


def echo(shape: list[int | str], element_type: int = FLOAT) -> onnx.ModelProto:
    return build(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", element_type, shape)],
        [tensor("y", element_type, shape)],
    )


def captioned() -> onnx.ModelProto:
    shapes: dict[str, list[int | str]] = {"picture": ["N", 2, 2, 3], "level": ["N"]}
    return build(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in shapes],
        [tensor(name, FLOAT, shape) for name, shape in shapes.items()],
        [tensor(f"{name}_out", FLOAT, shape) for name, shape in shapes.items()],
    )


def write(directory: Path) -> None:
    models = {
        "picture": echo(["N", 2, 2, 3]),
        "picture_first": echo([1, 3, 2, 2]),
        **{f"picture_{name}": echo(["N", 2, 2, 3], element_type) for name, element_type in DTYPES.items()},
        "picture_grey": echo(["N", 4, 4, 1]),
        "picture_open": echo(["N", "H", "W", "C"]),
        "prepared": echo(["N", 3, 2, 2]),
        "captioned": captioned(),
        "half": echo(["N"]),
    }
    for name, model in models.items():
        folder = directory / name / "1"
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "model.onnx")
    (directory / "prepared" / "model.yaml").write_text(PREPARED, encoding="utf-8")

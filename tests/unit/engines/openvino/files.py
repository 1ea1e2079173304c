"""Small IR files, made on the spot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openvino
from openvino import opset13

from dragoman.core.tensors import DType

TYPES = {
    DType.BOOL: openvino.Type.boolean,
    DType.UINT8: openvino.Type.u8,
    DType.UINT16: openvino.Type.u16,
    DType.UINT32: openvino.Type.u32,
    DType.UINT64: openvino.Type.u64,
    DType.INT8: openvino.Type.i8,
    DType.INT16: openvino.Type.i16,
    DType.INT32: openvino.Type.i32,
    DType.INT64: openvino.Type.i64,
    DType.FP16: openvino.Type.f16,
    DType.BF16: openvino.Type.bf16,
    DType.FP32: openvino.Type.f32,
    DType.FP64: openvino.Type.f64,
    DType.BYTES: openvino.Type.string,
}
Shape = Sequence[Any]


def given(name: str, dtype: DType = DType.FP32, shape: Shape = (-1,)) -> Any:
    """An input."""
    made = opset13.parameter(openvino.PartialShape(list(shape)), TYPES[dtype], name=name)
    return named(made.output(0), name)


def named(value: Any, *names: str) -> Any:
    """The same value under these names."""
    value.get_tensor().set_names(set(names))
    return value


def same(value: Any) -> Any:
    """An operator that changes nothing."""
    return opset13.reshape(value, opset13.shape_of(value), special_zero=False).output(0)


def write_strings(folder: Path, shape: Shape) -> Path:
    """A model whose output `y` is its input `x`; only a file beside it gives the two different names."""
    x = given("x", DType.BYTES, shape)
    (folder / "mapping_config.json").write_text('{"outputs": {"x": "y"}}')
    return write(folder, [x], [x])


def write(folder: Path, inputs: Sequence[Any], outputs: Mapping[str, Any] | Sequence[Any]) -> Path:
    """`model.xml` and `model.bin` with these inputs, and with these outputs under these names."""
    values = (
        [named(value, name) for name, value in outputs.items()] if isinstance(outputs, Mapping) else outputs
    )
    made = openvino.Model(
        [opset13.result(value) for value in values], [value.get_node() for value in inputs], "made"
    )
    return keep(made, folder)


def keep(model: Any, folder: Path) -> Path:
    """The model as `model.xml` and `model.bin`."""
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    return folder / "model.xml"

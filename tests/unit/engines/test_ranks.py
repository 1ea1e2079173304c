"""Which values of an ONNX file have a shape."""

from pathlib import Path

import onnx
import pytest

from dragoman.core.tensors import DType
from dragoman.engines.onnx.ranks import shaped_values
from tests.unit.engines.graphs import half_plus_two, identities, save, value


def test_a_shape_without_sizes_is_a_shape_and_none_is_none(tmp_path: Path) -> None:
    inputs = [
        value("scalar", DType.FP32, []),
        value("open", DType.FP32, None),
        value("row", DType.FP32, ["N"]),
    ]
    outputs = [value(f"{name.name}_out", DType.FP32, None) for name in inputs]
    path = save(identities(inputs, outputs), tmp_path / "m.onnx")
    assert shaped_values(str(path)) == {"scalar", "row"}


def test_every_cut_of_a_file_gives_names_or_a_value_error(tmp_path: Path) -> None:
    whole = half_plus_two().SerializeToString()
    path = tmp_path / "cut.onnx"
    refused = 0
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        try:
            assert shaped_values(str(path)) <= {"x", "y"}
        except ValueError:
            refused += 1
    assert refused > len(whole) / 2


@pytest.mark.parametrize(
    "data",
    [b"\x3a\x05abc", b"\x3a\xff\xff\xff\xff\x0f", b"\x3b", b"\xff" * 20, b"\x3d\x00", b"\x39\x00"],
    ids=["short", "long length", "group", "no end", "short 32 bits", "short 64 bits"],
)
def test_what_is_no_protobuf_is_a_value_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"message|number"):
        shaped_values(str(path))


def test_fields_of_other_kinds_are_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    made = half_plus_two().SerializeToString()
    fixed = bytes([15 << 3 | 1, *range(8), 15 << 3 | 5, *range(4)])
    path.write_bytes(fixed + made)
    assert shaped_values(str(path)) == {"x", "y"}
    assert onnx.load_model_from_string(made).graph.input[0].name == "x"

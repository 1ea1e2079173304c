"""Sources to the values of a model's inputs."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.prediction.sources import Source
from dragoman.cli.prediction.values import read_values
from dragoman.client.errors import InvalidInput
from dragoman.client.results import ModelMetadata, TensorMetadata
from dragoman.core.tensors import DType, Shape


def takes(**inputs: tuple[DType, Shape]) -> ModelMetadata:
    specs = {name: TensorMetadata(name, dtype, shape) for name, (dtype, shape) in inputs.items()}
    return ModelMetadata("m", ["1"], "", specs, {})


ONE = takes(x=(DType.FP32, (None, 3)))
TWO = takes(x=(DType.FP32, (None,)), t=(DType.BYTES, (None,)))
TEXT = takes(t=(DType.BYTES, (None,)))


def values(metadata: ModelMetadata, *sources: str | bytes | tuple[str, str | bytes]) -> dict[str, Any]:
    made = [Source(*s, "f") if isinstance(s, tuple) else Source(None, s, "f") for s in sources]
    return {name: array.tolist() for name, array in read_values(made, metadata, 1.0).items()}


def npy(array: Any) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def png(width: int = 2, height: int = 2) -> bytes:
    file = BytesIO()
    Image.new("L", (width, height), 7).save(file, "png")
    return file.getvalue()


def refused(metadata: ModelMetadata, *sources: Any) -> str:
    with pytest.raises((FailureError, InvalidInput)) as caught:
        values(metadata, *sources)
    assert getattr(caught.value, "code", Exit.USAGE) is Exit.USAGE
    return str(caught.value)


@pytest.mark.parametrize("data", ["[[1, 2, 5]]", b"[[1, 2, 5]]\n", npy(np.array([[1, 2, 5]], np.float32))])
def test_a_value_without_a_name_feeds_the_only_input(data: str | bytes) -> None:
    assert values(ONE, data) == {"x": [[1, 2, 5]]}


def test_a_value_with_fewer_axes_is_one_row() -> None:
    assert values(ONE, "[1, 2, 5]") == {"x": [[1, 2, 5]]}
    assert values(TWO, ("x", "1"), ("t", "a")) == {"x": [1], "t": [b"a"]}


@pytest.mark.parametrize("data", ['{"x": [1], "t": ["a"]}', npz(x=np.array([1.0]), t=np.array(["a"]))])
def test_a_file_may_hold_every_input_by_its_name(data: str | bytes) -> None:
    assert values(TWO, data) == {"x": [1], "t": [b"a"]}


def test_a_file_with_one_array_may_be_named() -> None:
    assert values(TWO, ("x", npz(other=np.array([1.0]))), ("t", "a"))["x"] == [1]
    assert "give it as --file" in refused(TWO, ("x", npz(a=1, b=2)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("hello, world", [b"hello, world"]),
        ('"hello"', [b"hello"]),
        ('["a", "b"]', [b"a", b"b"]),
        ("5", [b"5"]),
        ('{"b": 1}', None),
        ("", [b""]),
        (b"a\nb\n", [b"a\nb"]),
        (b"\xff\xfe", [b"\xff\xfe"]),
    ],
)
def test_an_input_of_text_takes_text_as_it_is(data: str | bytes, expected: list[bytes] | None) -> None:
    if expected is None:  # an object has the inputs by their names, unless it is given for one
        assert "no input 'b'" in refused(TEXT, data)
        assert values(TEXT, ("t", data)) == {"t": [b'{"b": 1}']}
    else:
        assert values(TEXT, data) == {"t": expected}


def test_an_input_of_text_takes_the_bytes_of_an_image() -> None:
    assert values(TEXT, png()) == {"t": [png()]}


def test_images_become_rows() -> None:
    pictures = takes(x=(DType.UINT8, (None, 2, 2)))
    assert values(pictures, png(), png(4, 4)) == {"x": [[[7, 7], [7, 7]]] * 2}
    free = takes(x=(DType.UINT8, (None, None, None)))
    assert "differ in size" in refused(free, png(), png(4, 4))


def test_arrays_from_files_take_the_input_s_type_where_they_can() -> None:
    assert values(ONE, npy(np.array([[1.5, 2, 5]]))) == {"x": [[1.5, 2, 5]]}
    whole = takes(x=(DType.UINT8, (None,)))
    assert values(whole, npy(np.array([1.0, 255.0]))) == {"x": [1, 255]}


@pytest.mark.parametrize(
    ("metadata", "source", "told"),
    [
        (ONE, npy(np.array(["a"])), "f holds BYTES that do not fit input 'x': FP32 (?, 3)"),
        (takes(x=(DType.UINT8, (None,))), npy(np.array([256])), "f holds INT64 that do not fit"),
        (takes(x=(DType.UINT8, (None,))), npy(np.array([1.5])), "f holds FP64 that do not fit"),
        (takes(x=(DType.UINT8, (None,))), npy(np.array([np.nan])), "f holds FP64 that do not fit"),
        (takes(x=(DType.BOOL, (None,))), npy(np.array([1])), "f holds INT64 that do not fit"),
        (ONE, npy(np.array([1j])), "no tensor holds elements of complex128"),
        (ONE, npy(np.array([1.0]))[:-3], "f cannot be read"),
        (ONE, npz(x=1)[:-30], "f cannot be read"),
        (ONE, b"\x93NUMPY\1\0", "f cannot be read"),
        (ONE, "[1,", "takes JSON, and '[1,' is none"),
        (ONE, "[" * 100_000, "takes JSON"),
        (ONE, '["a"]', "'a' is no FP32"),
        (ONE, b"\xff\xfe", "f is no image, array, JSON or text"),
        (ONE, png(), "f is an image, and 'x': FP32 (?, 3) takes none"),
        (ONE, ("z", "1"), "f: there is no input 'z'; 'm' takes 'x': FP32 (?, 3)"),
        (TWO, "[1]", "say which input it is for"),
        (ONE, '{"x": [1, 2, 3], "y": 1}', "there is no input 'y'"),
    ],
)
def test_what_no_input_takes_is_told(metadata: ModelMetadata, source: Any, told: str) -> None:
    assert told in refused(metadata, source)


def test_an_array_that_is_a_program_is_not_run() -> None:
    file = BytesIO()
    np.save(file, np.array([{"a": 1}], object), allow_pickle=True)
    assert "f cannot be read" in refused(ONE, file.getvalue())


def test_one_input_is_given_once() -> None:
    assert refused(ONE, "[1, 2, 3]", ("x", "[1, 2, 3]")) == "input 'x' is given twice"


def test_nothing_given_is_no_value() -> None:
    empty: Mapping[str, Any] = values(ONE)
    assert empty == {}

"""The parts of an answer get names."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.torch.answers import check_declared, check_names, named

Fields = namedtuple("Fields", ["u", "v"])


@dataclass
class Output:
    logits: object
    loss: object = None


@pytest.mark.parametrize(
    ("value", "declared", "parts"),
    [
        (7, (), {"output0": 7}),
        (7, ("y",), {"y": 7}),
        ((1, 2), (), {"output0": 1, "output1": 2}),
        ([1, 2], ("b", "a"), {"b": 1, "a": 2}),
        ((1, None, 3), (), {"output0": 1, "output2": 3}),
        ({"y": 1, "x": 2}, (), {"y": 1, "x": 2}),
        ({"y": 1, "x": 2}, ("x",), {"y": 1, "x": 2}),
        (OrderedDict(z=1, n=None), (), {"z": 1}),
        (Fields(1, 2), (), {"u": 1, "v": 2}),
        (Output(5), (), {"logits": 5}),
    ],
)
def test_each_part_has_the_name_that_its_form_gives_it(
    value: Any, declared: tuple[str, ...], parts: dict[str, Any]
) -> None:
    assert named(value, declared) == parts


def failure(value: Any, declared: tuple[str, ...] = ()) -> str:
    with pytest.raises(DragomanError) as caught:
        named(value, declared)
    assert caught.value.code is Code.INTERNAL
    return caught.value.message


def test_names_have_to_be_text() -> None:
    assert failure({1: 2}).endswith("it gives a dict with the key 1; the names of outputs are text")


def test_as_many_parts_have_to_be_declared_as_there_are() -> None:
    assert failure((1, 2), ("y",)).endswith("it gives 2 outputs and declares 1: y")


@pytest.mark.parametrize(("given", "names"), [({}, "none"), ({"z": 1, "a": 2}, "z, a")])
def test_a_declared_output_that_is_not_there_is_the_models_failure(given: dict[str, int], names: str) -> None:
    with pytest.raises(DragomanError, match=f'it gives no output "y"; it gives {names}$') as caught:
        check_names(given, {"y": TensorSpec("y", DType.FP32, None, "y")})
    assert caught.value.code is Code.INTERNAL


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": Tensor(DType.FP64, np.zeros((2, 3)))}, 'output "y" is float64 and declared float32'),
        (
            {"y": Tensor(DType.FP32, np.zeros((2, 4), np.float32))},
            'output "y": shape (2, 4) does not fit (?, 3)',
        ),
    ],
)
def test_outputs_that_are_not_as_declared_are_the_models_failure(
    given: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(DragomanError) as caught:
        check_declared(given, {"y": TensorSpec("y", DType.FP32, (None, 3), "y")})
    assert (caught.value.code, caught.value.message.partition(": ")[2]) == (Code.INTERNAL, message)

"""PyTorch's refusals in words for strangers."""

import pytest
import torch

from dragoman.core.errors import Code
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.torch.errors import callers_fault, refused_file
from tests.unit.engines.torch.calls import floats

INPUTS = {"x": Tensor(DType.FP32, floats(2, 3))}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PytorchStreamReader failed reading zip archive: /srv/secret", "the file is truncated or damaged"),
        ("\nUnknown builtin op: my::align.\nCould not", "the installed torch has no operator my::align"),
        (
            "Unknown type name '__torch__.torch.classes.my.Stack':",
            "it needs the class __torch__.torch.classes.my.Stack, which no installed package brings",
        ),
        (
            "Attempted to read a PyTorch file with version 99, but the maximum supported version is 10.",
            "it was written by another release of torch than the installed one reads",
        ),
        ("Attempting to deserialize object on a CUDA device", "it was saved from a GPU that this machine"),
        ("/srv/models: something else", "PyTorch refuses it; the log tells more"),
    ],
)  # fmt: skip
def test_why_a_file_does_not_load_is_told_without_paths(text: str, why: str) -> None:
    error = refused_file(RuntimeError(text), "model.pt")
    assert error.code is Code.INTERNAL
    assert error.message.startswith(f"model.pt does not load: {why}")
    assert "srv" not in error.message


def refuse_product() -> None:
    torch.ones(2, 3) @ torch.ones(2, 3)


def refuse_sum() -> None:
    torch.ones(2, 3) + torch.ones(2, 4)


def refuse_view() -> None:
    torch.ones(6).view(5)


def refuse_joining() -> None:
    torch.cat([torch.ones(2, 3), torch.ones(3, 4)], 1)


def refuse_channels() -> None:
    torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 4, 8, 8))


def refuse_rank() -> None:
    torch.nn.Conv2d(3, 4, 3)(torch.ones(2))


def refuse_small_image() -> None:
    torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 2, 2))


def refuse_index() -> None:
    torch.nn.Embedding(5, 2)(torch.tensor([9]))


def refuse_type() -> None:
    torch.nn.Embedding(5, 2)(torch.ones(1))


def refuse_types() -> None:
    torch.nn.Linear(3, 2)(torch.ones(1, 3, dtype=torch.float64))


def refuse_norm() -> None:
    torch.nn.LayerNorm(4)(torch.ones(2, 3))


def refuse_statistics() -> None:
    torch.nn.BatchNorm1d(3).eval()(torch.ones(2, 5))


def refuse_sequence() -> None:
    torch.nn.LSTM(3, 4)(torch.ones(2, 5))


def refuse_batches() -> None:
    torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 3, 4))


def refuse_attention() -> None:
    torch.nn.MultiheadAttention(4, 2)(torch.ones(2, 5), torch.ones(2, 5), torch.ones(2, 5))


REFUSALS = [value for name, value in list(globals().items()) if name.startswith("refuse_")]


@pytest.mark.parametrize("refuse", REFUSALS, ids=[each.__name__[7:] for each in REFUSALS])
def test_what_operators_refuse_is_the_callers_fault(refuse: object) -> None:
    assert callable(refuse)
    with pytest.raises((RuntimeError, IndexError, AssertionError, ValueError)) as caught:
        refuse()
    error = callers_fault(caught.value, INPUTS, "the model")
    assert error is not None
    assert error.code is Code.INVALID_ARGUMENT
    told = str(caught.value).split("\n", 1)[0]
    assert error.message == f"the model does not take x float32 (2, 3): {told}"


@pytest.mark.parametrize(
    "error", [KeyError("key"), RuntimeError("CUDA error: device-side assert"), TypeError()]
)
def test_anything_else_is_the_models(error: Exception) -> None:
    assert callers_fault(error, INPUTS, "the model") is None


def test_memory_is_told_as_such() -> None:
    for text in (
        "DefaultCPUAllocator: can't allocate memory: you tried",
        "CUDA out of memory. Tried to allocate",
    ):
        error = callers_fault(RuntimeError(text), INPUTS, "the model")
        assert error is not None
        assert (error.code, error.message) == (
            Code.RESOURCE_EXHAUSTED,
            "the model has not enough memory to run on x float32 (2, 3)",
        )

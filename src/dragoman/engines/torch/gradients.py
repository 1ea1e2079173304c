"""The gradients of one number of a model's answer with respect to its inputs, for explanations."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.explanation import INTEGRATED_GRADIENTS, PLACES, Attribution
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.torch.answers import named
from dragoman.engines.torch.program import Program
from dragoman.engines.torch.values import to_torch

OUTPUT: Final = "gradients"


def attribution(signature: Signature) -> Attribution | None:
    """How a model is explained: by its gradients, where all of its inputs are floats."""
    explained = next((name for name, spec in signature.outputs.items() if spec.dtype.is_float), None)
    inputs = signature.inputs
    if explained is None or not inputs or not all(spec.dtype.is_float for spec in inputs.values()):
        return None
    return Attribution(INTEGRATED_GRADIENTS, explained, OUTPUT, tuple(inputs), gradients=True)


def gradients(runtime: ModuleType, program: Program, inputs: Mapping[str, Tensor], device: Any) -> Tensor:
    """The gradients, row by row, of the numbers at `PLACES`. Shapes: (rows, 1, values).

    Errors: INVALID_ARGUMENT for a model that has none.
    """
    found = program.signature.attribution
    if found is None or PLACES not in inputs:
        raise invalid(f"{OUTPUT} are of numbers at {PLACES}, which are not given")
    with runtime.enable_grad():
        given = {name: leaf(runtime, inputs[name], device) for name in found.inputs}
        answer = named(program.call(given), tuple(program.signature.outputs))[found.explains]
        if not isinstance(answer, runtime.Tensor) or not answer.requires_grad:
            raise no_gradients()
        flat = answer.reshape(len(answer), -1)
        places = to_torch(runtime, inputs[PLACES], device)
        total = flat.gather(1, places[:, None]).sum()
        made = runtime.autograd.grad(total, list(given.values()), allow_unused=True)
    parts = [
        np.zeros((len(flat), one.numel() // len(flat))) if part is None else rows_of(runtime, part)
        for one, part in zip(given.values(), made, strict=True)
    ]
    return Tensor(DType.FP64, np.concatenate(parts, axis=1)[:, None, :])


def leaf(runtime: ModuleType, tensor: Tensor, device: Any) -> Any:
    """An input of which gradients are kept."""
    return to_torch(runtime, tensor, device).detach().clone().requires_grad_(True)


def rows_of(runtime: ModuleType, part: Any) -> Any:
    """The gradients of one input. Shapes: (rows, values)."""
    return part.detach().to(runtime.float64).cpu().reshape(len(part), -1).numpy()


def no_gradients() -> DragomanError:
    """The error for a model that was saved without what gradients are made of."""
    return invalid(
        "the model has no gradients as it was saved: choose parameters.method shapley or occlusion"
    )

"""What a model says of itself: `inputs` and `outputs`, each `{"name": ("float32", [None, 3])}`.

None in a shape is any size; None instead of a shape is any shape, and so is a shape that is left out:
`{"text": "bytes"}`.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dragoman.core.errors import invalid
from dragoman.core.signatures import DEFAULT_SIGNATURE, Answers, Signature, TensorSpec
from dragoman.core.tensors import BY_NUMPY, DType, Shape

EXAMPLE: Final = '{"x": ("float32", [None, 3])}'
NAMES: Final[Mapping[str, DType]] = {member.value: member for member in DType} | {"string": DType.BYTES}


def declared_signature(model: Any) -> Signature:
    """The one signature of a model.

    Errors: INVALID_ARGUMENT naming the attribute, and what it should look like.
    """
    inputs, outputs = (specs(getattr(model, role, None), role) for role in ("inputs", "outputs"))
    return Signature(DEFAULT_SIGNATURE, inputs, outputs, answers=declared_answers(model))


def declared_answers(model: Any) -> Answers:
    """How the model answers: in parts where `predict` is a generator, as callers like beside a `stream`."""
    if inspect.isgeneratorfunction(model.predict):
        return Answers.PARTS
    return Answers.WHOLE if getattr(model, "stream", None) is None else Answers.EITHER


def declared_concurrency(model: Any, file: str = "model.py") -> int:
    """How many calls the model takes at once: its attribute `concurrency`, else one."""
    given = getattr(model, "concurrency", 1)
    if type(given) is not int or given < 1:
        raise invalid(f"{file}: concurrency is {given!r}; it has to be a whole number from 1 on")
    return given


def specs(declared: Any, role: str, file: str = "model.py") -> dict[str, TensorSpec]:
    """The tensors that one attribute declares."""
    if not isinstance(declared, Mapping) or not declared:
        raise invalid(f"{file}: {role} has to name the model's {role}, as in {role} = {EXAMPLE}")
    return {name: spec(name, value, role, file) for name, value in declared.items()}


def spec(name: Any, declared: Any, role: str, file: str) -> TensorSpec:
    """One declared tensor."""
    if not isinstance(name, str) or not name:
        raise invalid(f"{file}: {role} has the name {name!r}; a name is text")
    where = f'{file}: {role}["{name}"]'
    if isinstance(declared, tuple | list):
        if len(declared) != 2:
            raise invalid(f"{where} is {declared!r}; it has to be a type and a shape, as in {EXAMPLE}")
        return TensorSpec(name, dtype(declared[0], where), shape(declared[1], where), name)
    return TensorSpec(name, dtype(declared, where), None, name)


def dtype(declared: Any, where: str) -> DType:
    """A type given by its name, or as NumPy's."""
    if isinstance(declared, str):
        found = NAMES.get(declared)
    else:
        try:
            found = BY_NUMPY.get(np.dtype(declared))
        except TypeError:
            found = None
    if found is None:
        raise invalid(f"{where}: {declared!r} is no type; there is {', '.join(sorted(NAMES))}")
    return found


def shape(declared: Any, where: str) -> Shape | None:
    """A shape given as a list of sizes."""
    if declared is None:
        return None
    if not isinstance(declared, tuple | list) or not all(size is None or is_size(size) for size in declared):
        raise invalid(f"{where}: {declared!r} is no shape; a shape is a list of sizes, None for any")
    return tuple(declared)


def is_size(value: Any) -> bool:
    """Whether a value is a number of elements."""
    return type(value) is int and value >= 0

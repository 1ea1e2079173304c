"""What the process that converts is told, and what it tells: one line of JSON each."""

from typing import Any

from msgspec import Struct

from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType


class Port(Struct, frozen=True):
    """An input or output. `shape` None = of any rank; a None in it = any size."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...] | None


class Shown(Struct, frozen=True):
    """A signature of the engine that serves the source."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class Order(Struct, frozen=True):
    """Convert the model at `path` into files in `folder`."""

    engine: str
    path: str
    options: dict[str, Any]
    folder: str
    signatures: dict[str, Shown]


class Hint(Struct, frozen=True):
    """What a column's values are like: between two numbers, also just these, or one of these texts."""

    low: float | None = None
    high: float | None = None
    points: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


class Form(Struct, frozen=True):
    """One file that was made: `name` tells in which precision it computes."""

    file: str
    name: str


class Step(Struct, frozen=True, tag="step"):
    """What is under way."""

    text: str


class Done(Struct, frozen=True, tag="done"):
    """The files, the most exact first, and what the columns of the inputs are like, in their order."""

    forms: tuple[Form, ...]
    hints: tuple[Hint, ...] = ()
    signatures: tuple[str, ...] = ()  # those that the files answer; empty = all


class Failed(Struct, frozen=True, tag="failed"):
    """Why there is none."""

    code: str
    message: str


Told = Step | Done | Failed


def shown(signature: Signature) -> Shown:
    """A signature in the engine's own names."""
    return Shown(
        tuple(Port(spec.source, spec.dtype, spec.shape) for spec in signature.inputs.values()),
        tuple(Port(spec.source, spec.dtype, spec.shape) for spec in signature.outputs.values()),
    )

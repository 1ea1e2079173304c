"""A model of PyTorch in whatever form it was saved: what it takes by name, and how it is called."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor, show_shape

NUMBERS: Final[Mapping[type, str]] = {bool: "boolean", int: "integer", float: "number"}


class Argument(Struct, frozen=True):
    """One argument: a tensor, or, with `number` set, a Python number, for which one element is sent."""

    name: str
    number: type | None = None
    required: bool = True

    def value_of(self, tensor: Tensor) -> bool | int | float:
        """The number in a tensor of one element.

        Errors: INVALID_ARGUMENT.
        """
        wanted = self.number or float
        if tensor.array.size != 1 or not holds(tensor.dtype, wanted):
            raise invalid(
                f'input "{self.name}": one {NUMBERS[wanted]} expected, {tensor.dtype.value} of shape '
                f"{show_shape(tensor.array.shape)} given"
            )
        number: bool | int | float = wanted(tensor.array.item())
        return number


def holds(dtype: DType, number: type) -> bool:
    """Whether an element of this type is such a number."""
    if number is bool:
        return dtype is DType.BOOL
    return dtype.is_integer or (number is float and dtype.is_float)


def all_fit(inputs: Mapping[str, Tensor]) -> DragomanError | None:
    """The check of a program that has nothing to say beyond its signature."""
    return None


class Program(Struct, frozen=True):
    """`call` takes values by name and gives whatever the model does.

    `takes_any` = arguments of any other name as well. `misfit` tells of sizes that the program does not take,
    once the inputs fit the signature. `module` is PyTorch's own object.
    """

    module: Any
    call: Callable[[Mapping[str, Any]], Any]
    arguments: Mapping[str, Argument]
    signature: Signature
    takes_any: bool = False
    misfit: Callable[[Mapping[str, Tensor]], DragomanError | None] = all_fit


def check_arguments(program: Program) -> None:
    """Nothing, if the declared inputs are the arguments that the model takes.

    Errors: INVALID_ARGUMENT naming the input.
    """
    if program.signature.untyped:
        return
    declared = program.signature.inputs
    for name in declared:
        if name not in program.arguments and not program.takes_any:
            takes = ", ".join(program.arguments) or "none"
            raise invalid(f"options.inputs.{name}: forward has no such argument; it takes {takes}")
    for name, argument in program.arguments.items():
        if argument.required and name not in declared:
            raise invalid(f"options.inputs: forward's argument {name!r} is missing")


def find_misnamed(given: Mapping[str, Tensor], program: Program) -> DragomanError | None:
    """INVALID_ARGUMENT for the first input of an untyped model that is missing, unknown or no number."""
    for name, argument in program.arguments.items():
        if argument.required and name not in given:
            return invalid(f'input "{name}" is missing')
    for name, tensor in given.items():
        if name not in program.arguments and not program.takes_any:
            takes = ", ".join(sorted(program.arguments))
            return invalid(f'there is no input "{name}"; the model takes {takes}')
        if tensor.dtype is DType.BYTES:
            return invalid(f'input "{name}": bytes given, and PyTorch has tensors of numbers only')
    return None

"""TorchScript: what `forward`'s schema says, which is names and no types of tensors."""

from types import ModuleType
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import Signature
from dragoman.engines.torch.program import Argument, Program

NUMBERS: Final = {"IntType": int, "FloatType": float, "BoolType": bool}
PLAIN: Final = frozenset({"TensorType", "NumberType", *NUMBERS})
UNKNOWN: Final = frozenset({"AnyType", "UnionType"})  # the call tells


def load_script(runtime: ModuleType, path: str, file: str, device: Any, signature: Signature) -> Program:
    """The program in a TorchScript file.

    Errors: FAILED_PRECONDITION for arguments or outputs that cannot be sent; PyTorch's own.
    """
    module = runtime.jit.load(path, map_location=device or "cpu")
    module.eval()
    if not hasattr(module, "forward"):
        raise unfit(file, "it has no method forward")
    schema = module.forward.schema
    check_outputs(schema.returns[0].type, file)
    found = [argument(each, file) for each in schema.arguments[1:]]
    arguments = {each.name: each for each in found if each is not None}
    return Program(module, lambda given: module(**given), arguments, signature)


def argument(declared: Any, file: str) -> Argument | None:
    """One argument; None for one that cannot be sent and may be left out.

    Errors: FAILED_PRECONDITION for one that may not.
    """
    kind = kind_of(declared.type)
    required = not declared.has_default_value()
    if kind in PLAIN:
        return Argument(declared.name, NUMBERS.get(kind), required)
    if required:
        raise unfit(file, f"forward's argument {declared.name!r} is {declared.type}, and has to be a tensor")
    return None


def kind_of(declared: Any) -> str:
    """The name of a type's kind; of an optional one, of what it is if it is there."""
    kind = str(declared.kind())
    return str(declared.getElementType().kind()) if kind == "OptionalType" else kind


def check_outputs(declared: Any, file: str) -> None:
    """Nothing, if what is given can be sent: tensors, in a tuple, a list or a dict at most.

    Errors: FAILED_PRECONDITION saying what is given instead.
    """
    kind = str(declared.kind())
    parts = [declared]
    if kind == "TupleType":
        parts = declared.elements()
    elif kind == "ListType":
        parts = [declared.getElementType()]
    elif kind == "DictType":
        parts = [declared.getValueType()]
    for part in parts:
        if kind_of(part) not in PLAIN | UNKNOWN:
            raise unfit(file, f"forward gives {part} among its outputs, which have to be tensors")


def unfit(file: str, why: str) -> DragomanError:
    """The error for a model that cannot be called."""
    return DragomanError(Code.FAILED_PRECONDITION, f"{file} does not load: {why}")

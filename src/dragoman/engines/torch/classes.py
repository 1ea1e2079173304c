"""A class of torch.nn.Module in a Python file, and its weights beside it in safetensors."""

import inspect
import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.signatures import Signature
from dragoman.engines.python_code import MODULE, guarded, import_module
from dragoman.engines.torch.options import TorchOptions
from dragoman.engines.torch.program import Argument, Program
from dragoman.engines.torch.weights import load_weights

USUAL_CLASS: Final = "Model"
BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def load_class(
    runtime: ModuleType, path: str, options: TorchOptions, device: Any, signature: Signature
) -> Program:
    """The program that the class is, with the weights of the file at `path`.

    Errors: INVALID_ARGUMENT for a class that is not there or takes other arguments; FAILED_PRECONDITION for
    weights that are not the class's; as `guarded` says for code that fails.
    """
    code = os.path.join(os.path.dirname(path), options.class_file)
    file = os.path.basename(code)
    found = import_module(code, os.path.splitext(file)[0] or MODULE)
    make = find_class(runtime, found, options.class_name, file)
    check_class_arguments(make, options.class_arguments)
    module = guarded(lambda: make(**options.class_arguments), code)
    if not isinstance(module, runtime.nn.Module):
        raise invalid(f"options.class_name: what {options.class_name} gives is no torch.nn.Module")
    load_weights(runtime, module, path, f"{type(module).__name__} in {file}")
    module.eval().requires_grad_(False)
    if device is not None:
        module.to(device)
    arguments, takes_any = forward_arguments(module, file)
    return Program(module, lambda given: module(**given), arguments, signature, takes_any)


def find_class(runtime: ModuleType, module: ModuleType, name: str, file: str) -> Callable[..., Any]:
    """What makes the model: the class or function of that name, else `Model`, else the only class.

    Errors: INVALID_ARGUMENT where there is none, or more than one.
    """
    if name:
        made = getattr(module, name, None)
        if not callable(made):
            raise invalid(f"options.class_name: {file} has no class or function {name!r}")
        found: Callable[..., Any] = made
        return found
    classes = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, runtime.nn.Module)
        and value.__module__ == module.__name__
    }
    if USUAL_CLASS in classes:
        return classes[USUAL_CLASS]
    if len(classes) == 1:
        return next(iter(classes.values()))
    if classes:
        raise invalid(f"{file} has the classes {', '.join(sorted(classes))}; options.class_name says which")
    if any(callable(getattr(value, "predict", None)) for value in vars(module).values()):
        raise invalid(
            f"{file} has no class derived from torch.nn.Module, but one with a method predict: "
            "set engine: python for a Python model"
        )
    raise invalid(f"{file} has no class derived from torch.nn.Module")


def check_class_arguments(make: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Nothing, if the class can be made with these arguments.

    Errors: INVALID_ARGUMENT.
    """
    try:
        inspect.signature(make).bind(**given)
    except TypeError as error:
        raise invalid(f"options.class_arguments: {error}") from None
    except ValueError:  # what is not written in Python may not tell
        return


def forward_arguments(module: Any, file: str) -> tuple[dict[str, Argument], bool]:
    """The arguments of `forward`, and whether it takes any others.

    Errors: INVALID_ARGUMENT for one that cannot be given by its name.
    """
    found = {}
    takes_any = False
    for name, parameter in inspect.signature(module.forward).parameters.items():
        takes_any = takes_any or parameter.kind is inspect.Parameter.VAR_KEYWORD
        required = parameter.default is inspect.Parameter.empty
        if parameter.kind in BY_NAME:
            found[name] = Argument(name, number_like(parameter), required)
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY and required:
            raise unnamed(file, name)
    return found, takes_any


def number_like(parameter: inspect.Parameter) -> type | None:
    """The kind of number that a parameter is declared to be, which it then gets."""
    declared = parameter.annotation
    if isinstance(declared, str):
        return {"bool": bool, "int": int, "float": float}.get(declared)
    return declared if declared in (bool, int, float) else None


def unnamed(file: str, name: str) -> DragomanError:
    """The error for an argument that has no name for callers."""
    return invalid(f"{file}: forward takes {name!r} by position only; inputs are given by name")

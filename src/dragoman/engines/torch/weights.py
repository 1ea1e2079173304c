"""Weights in safetensors, strictly: those that the class has, of the same shapes, and no others.

Tensors that a class uses in two places are saved once; the other names are none that are missing. Large
models come in several files with an index that says which weight is where.
"""

import os
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.weight_files import files_of

MOST_NAMED: Final = 3


def load_weights(runtime: ModuleType, module: Any, path: str, title: str) -> None:
    """Fill a module with a file's weights, or with those of all files that an index names.

    Errors: NOT_FOUND for a file that is not there; INTERNAL for one that is no safetensors file;
    FAILED_PRECONDITION where safetensors is missing, or for weights that are not the module's.
    """
    file = os.path.basename(path)
    weights: dict[str, Any] = {}
    for part in files_of(path):
        weights.update(read(part))
    own = module.state_dict()
    unlike = [
        f"{name} {shown(weights[name])}, where the class has {shown(own[name])}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    if unlike:
        raise unfit(file, title, f"it has {listed(unlike)}")
    if unknown := [name for name in weights if name not in own]:
        raise unfit(file, title, f"the class has no {listed(unknown)}")
    module.load_state_dict(weights, strict=False)
    filled = {place(own[name]) for name in weights}
    if missing := [name for name in own if name not in weights and place(own[name]) not in filled]:
        raise unfit(file, title, f"it lacks {listed(missing)}")


def read(path: str) -> Mapping[str, Any]:
    """The tensors of one file."""
    file = os.path.basename(path)
    if not os.path.isfile(path):
        raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
    try:
        from safetensors.torch import load_file  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "safetensors files need the package safetensors: pip install 'dragoman[torch]'",
        ) from error
    try:
        weights: Mapping[str, Any] = load_file(path)
    except Exception as error:
        structlog.get_logger("dragoman.engines.torch").error(
            "a file was refused", file=file, cause=str(error)
        )
        raise DragomanError(
            Code.INTERNAL, f"{file} does not load: it is no safetensors file: it is truncated or damaged"
        ) from error
    return weights


def place(tensor: Any) -> tuple[Any, ...]:
    """Where a tensor lies; equal for two that are one."""
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride()


def shown(tensor: Any) -> str:
    """A shape for messages."""
    return str(tuple(tensor.shape))


def listed(names: Iterable[str]) -> str:
    """The first names, and how many there are beside them."""
    found = list(names)
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(found[:MOST_NAMED]) + more


def unfit(file: str, title: str, why: str) -> DragomanError:
    """The error for weights that are another class's."""
    return DragomanError(Code.FAILED_PRECONDITION, f"{file} does not fit the class {title}: {why}")

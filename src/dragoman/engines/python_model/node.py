"""The engine `python_node`: a Python file whose functions are a step of pipelines.

The functions are those that OpenVINO Model Server wants of a C library: `initialize`, `get_inputs_info`,
`get_outputs_info`, `execute` and `release`. What `initialize` gives is handed to all others as `state`.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import Array
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot, Trust
from dragoman.engines.python_code import guarded, import_module
from dragoman.engines.python_model.declaration import EXAMPLE, declared_concurrency, specs
from dragoman.engines.python_model.model import PythonModel
from dragoman.engines.python_model.values import Origin
from dragoman.settings.model import ModelSettings

Params = Mapping[str, str]
REQUIRED: Final[Mapping[str, str]] = {
    "get_inputs_info": "params, state",
    "get_outputs_info": "params, state",
    "execute": "inputs, params, state",
}
OPTIONAL: Final[Mapping[str, str]] = {"initialize": "params", "release": "state"}
FAILED: Final = "Custom node failed during execution"  # in OpenVINO Model Server's words


class PythonNodeEngine(Engine):
    """Python files that are named as node libraries; it claims no models."""

    name: ClassVar[str] = "python_node"
    looks_for: ClassVar[str] = "a Python file that is named as a node library"
    trust: ClassVar[Trust] = Trust.RUNS_CODE

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """Nothing: a node library is named, and not found."""
        return None

    def estimate(self, artifact: Artifact) -> Resources:
        """The size of the file: what else the code takes is not known."""
        return Resources(os.path.getsize(artifact.path))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> PythonModel:
        """The library, initialized with the params that `options` are.

        Errors: INVALID_ARGUMENT naming the function that is missing or takes other arguments, or the tensor
        that is no tensor; FAILED_PRECONDITION for a module that is missing; INTERNAL for code that raises.
        """
        file = os.path.basename(artifact.path)
        module = import_module(artifact.path)
        check_functions(module, file)
        node = guarded(lambda: Node(module, dict(options), file), artifact.path)
        signature = Signature(
            DEFAULT_SIGNATURE,
            tensors(guarded(node.inputs_info, artifact.path), "get_inputs_info", file),
            tensors(guarded(node.outputs_info, artifact.path), "get_outputs_info", file),
        )
        concurrency = declared_concurrency(module, file)
        return PythonModel(node, signature, concurrency, f"node library {file}", Origin(file, "execute"))


class Node:
    """A library's functions as the methods of a model."""

    def __init__(self, module: ModuleType, params: Params, file: str) -> None:
        self._module = module
        self._params = params
        self._file = file
        initialize = getattr(module, "initialize", None)
        self._state = None if initialize is None else initialize(params)

    def inputs_info(self) -> Any:
        """What the library says of its inputs."""
        return self._module.get_inputs_info(self._params, self._state)

    def outputs_info(self) -> Any:
        """What it says of its outputs."""
        return self._module.get_outputs_info(self._params, self._state)

    def predict(self, inputs: Mapping[str, Array]) -> Any:
        """One execution.

        Errors: ValueError as the library raises it; INTERNAL for anything else.
        """
        try:
            return self._module.execute(inputs, self._params, self._state)
        except ValueError:
            raise
        except Exception as error:
            message = f"{FAILED} - {self._file} raised {type(error).__name__}; the server's log tells more"
            raise DragomanError(Code.INTERNAL, message) from error

    def close(self) -> None:
        """Let the library release its state."""
        release = getattr(self._module, "release", None)
        if release is not None:
            release(self._state)


def check_functions(module: ModuleType, file: str) -> None:
    """Nothing, if the functions are there that have to be, and take what they are given.

    Errors: INVALID_ARGUMENT naming the first that is not.
    """
    for name, arguments in {**REQUIRED, **OPTIONAL}.items():
        function = getattr(module, name, None)
        if function is None and name in OPTIONAL:
            continue
        if not callable(function) or not takes(function, len(arguments.split(", "))):
            raise invalid(f"{file}: there has to be a function {name}({arguments})")
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise invalid(f"{file}: {name} has to be a plain function, not an async one or a generator")


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # one that is not written in Python may not tell
        return True
    return True


def tensors(info: Any, function: str, file: str) -> dict[str, TensorSpec]:
    """The tensors that a function tells of. The size 0 is any size, as a C library says it.

    Errors: INVALID_ARGUMENT naming the function, and what it should give.
    """
    if not isinstance(info, Mapping) or not info:
        raise invalid(f"{file}: {function} has to give a dict of tensors, as in {EXAMPLE}")
    return specs({name: opened(declared) for name, declared in info.items()}, function, file)


def opened(declared: Any) -> Any:
    """One tensor's type and shape with None for 0."""
    if isinstance(declared, tuple | list) and len(declared) == 2 and isinstance(declared[1], tuple | list):
        return declared[0], [None if type(size) is int and size == 0 else size for size in declared[1]]
    return declared

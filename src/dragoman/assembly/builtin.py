"""What is built in: one line per protocol, engine and dialect. Others come through entry points."""

from importlib.metadata import entry_points
from typing import Final

from dragoman.config.dialect import Dialect
from dragoman.config.dialects import tensorflow_serving
from dragoman.engines.base import Engine
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.python_model import PythonModelEngine
from dragoman.engines.tensorflow import TensorFlowEngine
from dragoman.engines.tflite import TfLiteEngine
from dragoman.execution.workers.model import placed
from dragoman.protocols import kserve_v2, native, tfs
from dragoman.wire.operation import ProtocolSpec

PROTOCOLS: Final[tuple[ProtocolSpec, ...]] = (
    native.PROTOCOL,
    kserve_v2.PROTOCOL,
    tfs.PROTOCOL,
)
ENGINES: Final[tuple[type[Engine], ...]] = (
    OnnxEngine,
    TensorFlowEngine,
    TfLiteEngine,
    PythonModelEngine,
)  # fmt: skip
DIALECTS: Final[tuple[Dialect, ...]] = (
    tensorflow_serving.DIALECT,
)  # fmt: skip


def protocols() -> tuple[ProtocolSpec, ...]:
    """Every protocol there is: the built-in ones, then those of entry point group `dragoman.protocols`."""
    return PROTOCOLS + tuple(entry.load() for entry in entry_points(group="dragoman.protocols"))


def engines() -> dict[str, Engine]:
    """Every engine there is, by name: the built-in ones and those of entry point group `dragoman.engines`.

    The order is the order in which they are asked whether they claim a folder. Engines that run code which
    comes with models load them in worker processes.
    """
    classes = ENGINES + tuple(entry.load() for entry in entry_points(group="dragoman.engines"))
    return {engine.name: placed(engine) for engine in classes}


def dialects() -> dict[str, Dialect]:
    """Every dialect there is, by name: the built-in ones, then those of group `dragoman.dialects`."""
    found = DIALECTS + tuple(entry.load() for entry in entry_points(group="dragoman.dialects"))
    return {dialect.name: dialect for dialect in found}

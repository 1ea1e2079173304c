"""What is built in: one line per protocol, engine and dialect. Others come through entry points."""

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points
from typing import Final

from dragoman.config.dialect import Dialect
from dragoman.config.dialects import kserve, tensorflow_serving
from dragoman.config.dialects import ovms as ovms_dialect
from dragoman.config.dialects import torchserve as torchserve_dialect
from dragoman.engines.base import Engine
from dragoman.engines.embedder import EmbedderEngine
from dragoman.engines.external import ExternalEngine
from dragoman.engines.genai import GenAiEngine
from dragoman.engines.handler import HandlerEngine, read_gpus
from dragoman.engines.lightgbm import LightGbmEngine
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.openvino import OpenVinoEngine
from dragoman.engines.python_model import PythonExplainerEngine, PythonModelEngine, PythonNodeEngine
from dragoman.engines.sklearn import SklearnEngine, SkopsEngine
from dragoman.engines.tensorflow import TensorFlowEngine
from dragoman.engines.tflite import TfLiteEngine
from dragoman.engines.torch import TorchEngine
from dragoman.engines.transformers import TransformersEngine
from dragoman.engines.vllm import VllmEngine
from dragoman.engines.xgboost import XgboostEngine
from dragoman.execution.workers.handlers.model import handlers_in_workers
from dragoman.execution.workers.model import in_workers, placed
from dragoman.protocols import deeploy, kserve_v1, kserve_v2, native, openai, ovms, tfs, torchserve
from dragoman.wire.operation import ProtocolSpec
from dragoman.wire.surroundings import EventAttributes, Surroundings

# A protocol, or what makes one of its surroundings.
Protocol = ProtocolSpec | Callable[[Surroundings], ProtocolSpec]

PROTOCOLS: Final[tuple[Protocol, ...]] = (
    native.PROTOCOL,
    openai.make_protocol,
    kserve_v2.make_protocol,
    tfs.PROTOCOL,
    ovms.PROTOCOL,
    kserve_v1.make_protocol,
    deeploy.make_protocol,
    torchserve.make_protocol,
    torchserve.make_management,
)
ENGINES: Final[tuple[type[Engine], ...]] = (
    HandlerEngine,  # first: what else lies in an archive is the handler's
    EmbedderEngine,  # whose graph others would take for one without words
    OnnxEngine,
    TensorFlowEngine,
    TfLiteEngine,
    TorchEngine,
    PythonModelEngine,
    VllmEngine,  # first of those that folders of Hugging Face are for, but on a GPU alone
    GenAiEngine,
    OpenVinoEngine,
    TransformersEngine,
    SkopsEngine,
    SklearnEngine,
    XgboostEngine,
    LightGbmEngine,
)  # fmt: skip
# Where an engine's models are loaded, unless it is in this process or, for code, in workers.
PLACES: Final[Mapping[type[Engine], Callable[[type[Engine]], Engine]]] = {
    HandlerEngine: partial(handlers_in_workers, gpus=read_gpus),
    # Damaged files end the process that these libraries read them in.
    XgboostEngine: in_workers,
    LightGbmEngine: in_workers,
}
DIALECTS: Final[tuple[Dialect, ...]] = (
    tensorflow_serving.DIALECT,
    ovms_dialect.DIALECT,
    kserve.DIALECT,
    torchserve_dialect.DIALECT,
)  # fmt: skip


def protocols(
    events: EventAttributes = EventAttributes(),  # noqa: B008
    server_name: str = "dragoman",
    *,
    keeps_repeated_parts: bool = False,
) -> tuple[ProtocolSpec, ...]:
    """Every protocol there is: the built-in ones, then those of entry point group `dragoman.protocols`."""
    surroundings = Surroundings(time.time, new_id, events, server_name, keeps_repeated_parts)
    found = PROTOCOLS + tuple(entry.load() for entry in entry_points(group="dragoman.protocols"))
    return tuple(each if isinstance(each, ProtocolSpec) else each(surroundings) for each in found)


def new_id() -> str:
    """An id like no other."""
    return str(uuid.uuid4())


def engines() -> dict[str, Engine]:
    """Every engine there is, by name: the built-in ones and those of entry point group `dragoman.engines`.

    The order is the order in which they are asked whether they claim a folder. Engines that run code which
    comes with models load them in worker processes.
    """
    classes = ENGINES + tuple(entry.load() for entry in entry_points(group="dragoman.engines"))
    return {engine.name: PLACES.get(engine, placed)(engine) for engine in classes}


def node_engine() -> Engine:
    """What loads node libraries, in worker processes."""
    return placed(PythonNodeEngine)


def external_engine() -> Engine:
    """What calls models of other servers."""
    return ExternalEngine()


def explainer_engine() -> Engine:
    """What loads explainers that come beside models, in worker processes."""
    return placed(PythonExplainerEngine)


def dialects() -> dict[str, Dialect]:
    """Every dialect there is, by name: the built-in ones, then those of group `dragoman.dialects`."""
    found = DIALECTS + tuple(entry.load() for entry in entry_points(group="dragoman.dialects"))
    return {dialect.name: dialect for dialect in found}

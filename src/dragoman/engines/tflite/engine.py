"""Claims TensorFlow Lite files and loads them into LiteRT interpreters."""

import os
from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any, ClassVar, Final

import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.cores import MOST_DEFAULT, default_per_core
from dragoman.engines.options import read_options
from dragoman.engines.tflite.describe import describe
from dragoman.engines.tflite.model import TfLiteModel
from dragoman.settings.model import ModelSettings

SUFFIX: Final = ".tflite"
USUAL_NAME: Final = "model.tflite"
MEMORY_FACTOR: Final = 3  # the file, its weights packed anew, and the tensors between its operators
NO_FILE: Final = ("not a valid Flatbuffer", "model allocation is null", "mmap of", "schema version")
NO_OPERATOR: Final = (
    "Encountered unresolved custom op",
    "Didn't find op for builtin opcode",
    "Select TensorFlow op",
)


class TfLiteOptions(Struct, frozen=True, kw_only=True):
    """Options of the engine `tflite`."""

    interpreters: int = 0  # calls at once, each with tensors of its own; 0 = one per core, at most 4
    threads: int = 1  # inside one call


class TfLiteEngine(Engine):
    """LiteRT, in this process."""

    name: ClassVar[str] = "tflite"
    looks_for: ClassVar[str] = f"{USUAL_NAME}, or one file *{SUFFIX}"
    package: ClassVar[str | None] = "ai_edge_litert"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """`model.tflite`, else the only TensorFlow Lite file there is."""
        found = [name for name in files.top_level if name.endswith(SUFFIX)]
        if USUAL_NAME in found:
            return Claim(USUAL_NAME, (USUAL_NAME,))
        return Claim(found[0], (found[0],)) if len(found) == 1 else None

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the size of the file and the interpreters there may be."""
        each = MEMORY_FACTOR * os.path.getsize(artifact.path)
        return Resources(each * MOST_DEFAULT)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TfLiteModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option; NOT_FOUND for a file that is not there; FAILED_PRECONDITION
        where LiteRT is missing or no signature can be called; INTERNAL for a file that it refuses.
        """
        chosen = read_options(options, TfLiteOptions, self.name)
        if chosen.interpreters < 0 or chosen.threads < 1:
            key, least = ("interpreters", 0) if chosen.interpreters < 0 else ("threads", 1)
            raise invalid(f"options.{key}: the least is {least}")
        file = os.path.basename(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        runtime = import_runtime()
        make = partial(runtime.Interpreter, model_path=artifact.path, num_threads=chosen.threads)
        try:
            first = make()
            first.allocate_tensors()
            plans = describe(first, file)
        except DragomanError:
            raise
        except Exception as error:
            structlog.get_logger("dragoman.engines.tflite").error(
                "a file was refused", model=artifact.model, version=artifact.version, cause=str(error)
            )
            raise refused_file(error, file) from error
        title = f"model {artifact.model} version {artifact.version}"
        return TfLiteModel(make, first, plans, chosen.interpreters or default_per_core(), title)


def import_runtime() -> ModuleType:
    """The package ai_edge_litert."""
    try:
        from ai_edge_litert import interpreter  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine tflite needs the package ai-edge-litert: pip install 'dragoman[tflite]'",
        ) from error
    runtime: ModuleType = interpreter
    return runtime


def refused_file(error: Exception, file: str) -> DragomanError:
    """INTERNAL: LiteRT does not take the file."""
    text = str(error)
    why = "LiteRT refuses it; the log tells more"
    if any(words in text for words in NO_FILE):
        why = "it is no TensorFlow Lite model: the file is truncated, damaged or of another kind"
    elif any(words in text for words in NO_OPERATOR):
        why = "it has operators that the installed LiteRT does not have; the log names one"
    return DragomanError(Code.INTERNAL, f"{file} does not load: {why}")

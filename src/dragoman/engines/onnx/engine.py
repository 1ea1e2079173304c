"""Claims ONNX files and loads them into onnxruntime sessions."""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.onnx.describe import describe
from dragoman.engines.onnx.errors import refused_file
from dragoman.engines.onnx.model import OnnxModel
from dragoman.engines.onnx.options import OnnxOptions, providers, session_options
from dragoman.engines.options import read_options
from dragoman.settings.model import ModelSettings

USUAL_NAME: Final = "model.onnx"
SUFFIXES: Final = (".onnx", ".ort")
MEMORY_FACTOR: Final = 3  # the file read, its weights laid out anew, and both at once while that happens


class OnnxEngine(Engine):
    """onnxruntime, in this process."""

    name: ClassVar[str] = "onnx"
    looks_for: ClassVar[str] = "model.onnx, or one file *.onnx or *.ort"
    closed_options: ClassVar[frozenset[str]] = frozenset({"provider_options", "session_config"})

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """`model.onnx`, else the only ONNX file there is."""
        found = [name for name in files.top_level if name.endswith(SUFFIXES)]
        if USUAL_NAME in found:
            return Claim(USUAL_NAME, (USUAL_NAME,))
        return Claim(found[0], (found[0],)) if len(found) == 1 else None

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the file and of what lies beside it (external data)."""
        return Resources(MEMORY_FACTOR * folder_bytes(artifact.path))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> OnnxModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option; FAILED_PRECONDITION for a provider that is not there or does
        not start; NOT_FOUND for a file that is not there; INTERNAL for one that onnxruntime refuses.
        """
        chosen = read_options(options, OnnxOptions, self.name)
        file = os.path.basename(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        runtime = import_runtime()
        session = open_session(runtime, artifact.path, chosen)
        signature = describe(session, artifact.path, file)
        return OnnxModel(runtime, session, signature, f"model {artifact.model} version {artifact.version}")


def folder_bytes(path: str) -> int:
    """The size of a model's file and of those beside it, where external data lies."""
    with os.scandir(os.path.dirname(path)) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())


def import_runtime() -> ModuleType:
    """The package onnxruntime."""
    try:
        import onnxruntime  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION, "the engine onnx needs the package onnxruntime: pip install onnxruntime"
        ) from error
    runtime: ModuleType = onnxruntime
    return runtime


def open_session(runtime: ModuleType, path: str, options: OnnxOptions) -> Any:
    """An InferenceSession with exactly the providers that were asked for."""
    wanted = providers(runtime, options)
    made = session_options(runtime, options, folder_bytes(path))
    try:
        session = runtime.InferenceSession(path, made, providers=wanted)
    except Exception as error:
        raise refused_file(error, os.path.basename(path)) from error
    running = session.get_providers()
    for name, _ in wanted:
        if name not in running:  # onnxruntime falls back to the CPU with no more than a line on stderr
            raise DragomanError(
                Code.FAILED_PRECONDITION, f"options.providers: {name} does not start on this machine"
            )
    return session

"""Claims SavedModels and loads them into TensorFlow sessions, as TensorFlow Serving does.

A session runs every SavedModel there is, those of TensorFlow 1 too, with tables, assets and initialisers, and
gives each model threads of its own. `tf.saved_model.load` reads fewer and calls them twenty times slower.
"""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import Signature
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.options import read_options
from dragoman.engines.tensorflow.describe import describe
from dragoman.engines.tensorflow.errors import refused_folder
from dragoman.engines.tensorflow.model import Entry, TensorFlowModel
from dragoman.engines.tensorflow.options import TensorFlowOptions, session_config
from dragoman.settings.model import ModelSettings

FILES: Final = ("saved_model.pb", "saved_model.pbtxt")
MEMORY_FACTOR: Final = 3  # the graph as a message and as objects, the variables read and laid out
QUIET: Final = {"TF_CPP_MIN_LOG_LEVEL": "2"}  # errors only, unless the environment says otherwise


class TensorFlowEngine(Engine):
    """TensorFlow, in this process."""

    name: ClassVar[str] = "tensorflow"
    looks_for: ClassVar[str] = "a SavedModel (saved_model.pb or saved_model.pbtxt, and what lies beside it)"
    package: ClassVar[str | None] = "tensorflow"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder that holds a SavedModel's graph."""
        found = [name for name in FILES if name in files.files]
        return Claim(found[0], (found[0],)) if found else None

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the graph, the variables and the assets."""
        return Resources(MEMORY_FACTOR * tree_bytes(os.path.dirname(artifact.path)))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TensorFlowModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option; NOT_FOUND for a file that is not there; FAILED_PRECONDITION
        where TensorFlow is missing or no signature can be called; INTERNAL for what TensorFlow refuses.
        """
        chosen = read_options(options, TensorFlowOptions, self.name)
        folder, file = os.path.split(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        runtime = import_runtime()
        session = runtime.compat.v1.Session(graph=runtime.Graph(), config=session_config(runtime, chosen))
        try:
            definitions = load_graph(runtime, session, folder, chosen)
            signatures = describe(definitions, file, runtime.make_ndarray)
            entries = {
                name: make_entry(session, definitions[name], signature)
                for name, signature in signatures.items()
            }
        except DragomanError:
            raise
        except Exception as error:
            structlog.get_logger("dragoman.engines.tensorflow").error(
                "a SavedModel was refused", model=artifact.model, version=artifact.version, cause=str(error)
            )
            raise refused_folder(error, file) from error
        return TensorFlowModel(runtime, entries, f"model {artifact.model} version {artifact.version}")


def tree_bytes(folder: str) -> int:
    """The size of all files below a folder."""
    files = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(os.path.getsize(file) for file in files)


def import_runtime() -> ModuleType:
    """The package tensorflow, told to be quiet."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)  # read once, while the package is imported
    try:
        import tensorflow  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine tensorflow needs the package tensorflow: pip install 'dragoman[tensorflow]'",
        ) from error
    runtime: ModuleType = tensorflow
    runtime.get_logger().setLevel("ERROR")
    return runtime


def load_graph(
    runtime: ModuleType, session: Any, folder: str, options: TensorFlowOptions
) -> Mapping[str, Any]:
    """The SignatureDefs of a SavedModel whose graph, variables and tables are in the session now."""
    graph = runtime.compat.v1.saved_model.load(session, list(options.saved_model_tags), folder)
    definitions: Mapping[str, Any] = graph.signature_def
    return definitions


def make_entry(session: Any, definition: Any, signature: Signature) -> Entry:
    """One signature as a callable of the session."""
    from tensorflow.core.protobuf import config_pb2  # noqa: PLC0415 (as above)

    feed = [definition.inputs[name].name for name in signature.inputs]
    fetch = [definition.outputs[name].name for name in signature.outputs]
    # `Session.make_callable`, which is public, looks everything up anew for each run: 60 µs more.
    run = session._make_callable_from_options(config_pb2.CallableOptions(feed=feed, fetch=fetch))
    outputs = tuple((name, spec.dtype) for name, spec in signature.outputs.items())
    return Entry(signature, run, tuple(signature.inputs), outputs)

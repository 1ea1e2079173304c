"""Claims folders of sentence-transformers and loads them for onnxruntime or OpenVINO."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.embedder.files import MODELS, MODULES, TOKENIZER, folder_of, read_recipe
from dragoman.engines.embedder.model import EmbedderModel
from dragoman.engines.embedder.options import EmbedderOptions
from dragoman.engines.embedder.runtimes import open_graph
from dragoman.engines.options import read_options
from dragoman.settings.model import ModelSettings

MEMORY_FACTOR: Final = 3


class EmbedderEngine(Engine):
    """Texts to vectors, in this process."""

    name: ClassVar[str] = "embedder"
    looks_for: ClassVar[str] = "modules.json and tokenizer.json with model.onnx or openvino_model.xml"
    package: ClassVar[str | None] = "tokenizers"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """The graph of a folder with a tokenizer and modules; where it is named, without those."""
        named = settings.engine == cls.name
        if TOKENIZER not in files.files or not (named or MODULES in files.files):
            return None
        for name in MODELS:
            if name in files.files:
                weights = (name.removesuffix(".xml") + ".bin",) if name.endswith(".xml") else ()
                return Claim(name, (name, TOKENIZER, *weights))
        return None

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the files."""
        with os.scandir(os.path.dirname(artifact.path)) as entries:
            size = sum(entry.stat().st_size for entry in entries if entry.is_file())
        return Resources(MEMORY_FACTOR * size)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> EmbedderModel:
        """The model, tried with one token.

        Errors: INVALID_ARGUMENT for an option; NOT_FOUND for a file that is not there; FAILED_PRECONDITION
        where a package is missing or the files are no embedder's; INTERNAL for files that are refused.
        """
        chosen = read_options(options, EmbedderOptions, self.name)
        if not os.path.isfile(artifact.path):
            file = os.path.basename(artifact.path)
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        make_tokenizer = import_tokenizer()
        folder = folder_of(artifact.path)
        recipe = read_recipe(folder, chosen, artifact.settings)
        tokenizer = open_tokenizer(make_tokenizer, folder)
        graph = open_graph(artifact.path, chosen)
        traits = EmbedTraits(self.name, recipe.context, recipe.dimensions)
        try:
            return EmbedderModel(
                graph, tokenizer, recipe, traits, budget=chosen.batch_tokens, cuts=chosen.truncate == "end"
            )
        except Exception as error:
            raise refused(os.path.basename(artifact.path), error) from error


def import_tokenizer() -> Any:
    """The class of tokenizers.

    Errors: FAILED_PRECONDITION.
    """
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine embedder needs the package tokenizers: pip install 'dragoman[embeddings]'",
        ) from error
    return Tokenizer


def open_tokenizer(make: Any, folder: str) -> Any:
    """The tokenizer of a folder.

    Errors: INTERNAL for a file that is none.
    """
    try:
        return make.from_file(os.path.join(folder, TOKENIZER))
    except Exception as error:
        raise refused(TOKENIZER, error) from error


def refused(file: str, error: Exception) -> DragomanError:
    """INTERNAL: a file is not taken. Why goes to the log."""
    structlog.get_logger("dragoman.engines.embedder").error("a file was refused", file=file, cause=str(error))
    return DragomanError(Code.INTERNAL, f"{file} does not load: it is refused; the log tells more")

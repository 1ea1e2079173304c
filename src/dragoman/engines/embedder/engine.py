"""Claims folders of sentence-transformers and loads them for onnxruntime or OpenVINO."""

import importlib.util
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Claim, Engine, GivesWayError, Progress, Resources, TreeSnapshot
from dragoman.engines.conversion import CLOSED, Conversion, converted, find_exporter
from dragoman.engines.embedder.feed import vectors_of
from dragoman.engines.embedder.options import EmbedderOptions
from dragoman.engines.embedder.pairs import PairRanker, read_pairs, reads_pairs, scores_output
from dragoman.engines.embedder.runtimes import open_graph
from dragoman.engines.embedding import (
    MODELS,
    MODULES,
    TOKENIZER,
    EmbeddingTexts,
    folder_of,
    read_recipe,
)
from dragoman.engines.hugging_face import CONFIG, check_weights, embedder_claim, folder_bytes
from dragoman.engines.options import read_options
from dragoman.settings.model import ModelSettings

MEMORY_FACTOR: Final = 3
TASK: Final = "feature-extraction"
UNKNOWN: Final = (
    "there is neither modules.json, which embedders have, nor a config.json of a model that gives one number "
    "for a pair of texts: where this is an embedder, say engine: embedder in model.yaml"
)
CONVERTED: Final = ("openvino_model.xml", "openvino_model.bin")
UNCONVERTED: Final = (
    "model.safetensors of a model that gives vectors is converted first, with pip install "
    "'dragoman[embeddings,openvino,exporter]', or an optimum-cli where options.exporter says"
)


class EmbedderEngine(Engine):
    """Texts to vectors, or pairs of texts to numbers, in this process."""

    name: ClassVar[str] = "embedder"
    looks_for: ClassVar[str] = (
        "modules.json and tokenizer.json with model.onnx, openvino_model.xml or model.safetensors"
    )
    package: ClassVar[str | None] = "tokenizers"
    closed_options: ClassVar[frozenset[str]] = CLOSED

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """The graph of a folder with a tokenizer and modules; without those where it is named, or below."""
        named = settings.engine == cls.name
        if TOKENIZER not in files.files:
            return None
        certain = named or MODULES in files.files
        for name in MODELS:
            below = "/" in name and CONFIG in files.files  # a cross-encoder, or another engine's
            if name in files.files and (certain or below):
                weights = (name.removesuffix(".xml") + ".bin",) if name.endswith(".xml") else ()
                return Claim(name, (name, TOKENIZER, *weights))
        return embedder_claim(files.files) if certain else None

    @classmethod
    def is_ready(cls, claim: Claim, options: Mapping[str, Any]) -> bool:
        """Whether the packages are there, and what converts the files where they have to be."""
        if not cls.is_installed() or claim.entry != CONFIG:
            return cls.is_installed()
        there = importlib.util.find_spec("openvino") is not None
        return there and find_exporter(str(options.get("exporter", ""))) is not None

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the files."""
        return Resources(MEMORY_FACTOR * folder_bytes(os.path.dirname(artifact.path)))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> EmbeddingTexts | PairRanker:
        """The model, tried with one token.

        Errors: those of `load_telling`.
        """
        return self.load_telling(artifact, options, Progress())

    def load_telling(
        self, artifact: Artifact, options: Mapping[str, Any], progress: Progress
    ) -> EmbeddingTexts | PairRanker:
        """The same; weights without a graph are converted first.

        Errors: INVALID_ARGUMENT for an option; NOT_FOUND for a file that is not there; FAILED_PRECONDITION
        where a package is missing or the files are no embedder's; INTERNAL for files that are refused;
        GivesWayError for those that are not converted.
        """
        chosen = read_options(options, EmbedderOptions, self.name)
        if not os.path.isfile(artifact.path):
            file = os.path.basename(artifact.path)
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        make_tokenizer = import_tokenizer()
        folder = folder_of(artifact.path)
        if not os.path.isfile(os.path.join(folder, MODULES)):
            if reads_pairs(folder):
                return load_pairs(artifact, folder, chosen, open_tokenizer(make_tokenizer, folder))
            if artifact.settings.engine != self.name:
                raise GivesWayError(Code.FAILED_PRECONDITION, UNKNOWN)
        recipe = read_recipe(folder, chosen, artifact.settings)
        tokenizer = open_tokenizer(make_tokenizer, folder)
        graph = open_graph(self._graph_of(artifact, folder, chosen, progress), chosen)
        traits = EmbedTraits(self.name, recipe.context, recipe.dimensions)
        try:
            return EmbeddingTexts(
                vectors_of(graph, recipe),
                tokenizer,
                recipe,
                traits,
                budget=chosen.batch_tokens,
                cuts=chosen.truncate == "end",
            )
        except Exception as error:
            raise refused(os.path.basename(artifact.path), error) from error

    def _graph_of(self, artifact: Artifact, folder: str, chosen: EmbedderOptions, progress: Progress) -> str:
        """The file of the graph, converted where there is none."""
        if os.path.basename(artifact.path) != CONFIG:
            return artifact.path
        exporter = find_exporter(chosen.exporter)
        if exporter is None:
            raise DragomanError(Code.FAILED_PRECONDITION, UNCONVERTED)
        check_weights(folder)
        wanted = Conversion(artifact.model, folder, TASK, CONVERTED)
        return os.path.join(converted(wanted, exporter, chosen, progress), CONVERTED[0])


def load_pairs(artifact: Artifact, folder: str, chosen: EmbedderOptions, tokenizer: Any) -> PairRanker:
    """A cross-encoder."""
    recipe = read_pairs(folder, artifact.settings)
    graph = open_graph(artifact.path, chosen, scores_output)
    file = os.path.basename(artifact.path)
    try:
        return PairRanker(file, graph, tokenizer, recipe, chosen)
    except DragomanError:
        raise
    except Exception as error:
        raise refused(file, error) from error


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

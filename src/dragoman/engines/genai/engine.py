"""Claims folders that were exported to OpenVINO with their tokenizer, and loads them."""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Abilities, TextTraits
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.genai.files import MODEL, REQUIRED
from dragoman.engines.genai.model import GenAiModel, Parts
from dragoman.engines.genai.options import GenAiOptions
from dragoman.engines.genai.scoring import Scorer
from dragoman.engines.genai.tokenizer import GenAiTokenizer, byte_table
from dragoman.engines.options import read_options
from dragoman.engines.text_files import (
    context_of,
    default_sampling,
    end_tokens,
    is_byte_level,
    read_json,
    special_tokens,
    template_of,
)
from dragoman.settings.model import ModelSettings

JSON_FILES: Final = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")
EMBEDDER: Final = "modules.json"  # beside models that give vectors
MEMORY_FACTOR: Final = 3


class GenAiEngine(Engine):
    """OpenVINO GenAI, in this process."""

    name: ClassVar[str] = "openvino-genai"
    looks_for: ClassVar[str] = "a text model's openvino_model.xml with openvino_tokenizer.xml"
    package: ClassVar[str | None] = "openvino_genai"
    closed_options: ClassVar[frozenset[str]] = frozenset({"properties"})

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder with a model, its tokenizer and the way back, which models that give vectors lack."""
        present = files.files
        if EMBEDDER in present or not {MODEL, REQUIRED[2], REQUIRED[4]} <= present.keys():
            return None
        return Claim(MODEL, REQUIRED)

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the files."""
        folder = os.path.dirname(artifact.path)
        with os.scandir(folder) as entries:
            size = sum(entry.stat().st_size for entry in entries if entry.is_file())
        return Resources(MEMORY_FACTOR * size)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> GenAiModel:
        """The model, which writes texts once it is started.

        Errors: INVALID_ARGUMENT for an option or a setting; NOT_FOUND for a file that is not there;
        FAILED_PRECONDITION where the package is missing; INTERNAL for files that OpenVINO refuses.
        """
        chosen = read_options(options, GenAiOptions, self.name)
        folder = os.path.dirname(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{MODEL} does not load: there is no such file")
        for name in JSON_FILES:
            read_json(folder, name)  # OpenVINO's own words for what is none name no file
        genai, openvino = import_runtime()
        text = artifact.settings.text
        context = context_of(folder, text)

        def make_pipeline() -> Any:
            scheduler = genai.SchedulerConfig()
            scheduler.cache_size = chosen.cache_gib
            scheduler.max_num_seqs = chosen.at_once
            scheduler.max_num_batched_tokens = chosen.batched_tokens
            scheduler.enable_prefix_caching = chosen.prefix_caching
            properties = {"INFERENCE_PRECISION_HINT": chosen.precision, **chosen.properties}
            return genai.ContinuousBatchingPipeline(folder, scheduler, chosen.device, properties)

        try:
            tokenizer = genai.Tokenizer(folder)
        except Exception as error:
            raise refused_files(error, artifact) from error
        template = template_of(folder, text, built_in_template(tokenizer))
        scorer = None if text.scoring == "off" else Scorer(folder, chosen.device, openvino.Core)
        abilities = Abilities(
            json_schema=True, top_logprobs=scorer is not None, explanations=scorer is not None
        )
        traits = TextTraits(
            self.name,
            context,
            abilities,
            text.max_choices,
            chats=template is not None,
            reasons=text.reasoning_parser != "none",
        )
        parts = Parts(
            traits,
            make_tokenizer(tokenizer, folder),
            template,
            end_tokens(folder),
            default_sampling(folder),
            chosen.at_once,
            artifact.model,
            scorer,
        )
        try:
            return GenAiModel(genai, openvino.Tensor, make_pipeline, parts)
        except Exception as error:
            raise refused_files(error, artifact) from error


def import_runtime() -> tuple[ModuleType, ModuleType]:
    """The package, and OpenVINO itself, whose tensors it takes.

    Errors: FAILED_PRECONDITION.
    """
    try:
        import openvino  # noqa: PLC0415 (an engine that is not used costs nothing)
        import openvino_genai  # noqa: PLC0415
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine openvino-genai needs the package openvino-genai: pip install 'dragoman[genai]'",
        ) from error
    return openvino_genai, openvino


def make_tokenizer(own: Any, folder: str) -> GenAiTokenizer:
    """The tokenizer, with the table of bytes where that tells the whole text."""
    size = read_json(folder, "config.json").get("vocab_size")
    if not isinstance(size, int):
        size = len(own.get_vocab())
    table = byte_table(own, size) if is_byte_level(folder) else None
    return GenAiTokenizer(own, size, table, special_tokens(folder))


def built_in_template(own: Any) -> str:
    """The chat template that was exported with the tokenizer; empty = none."""
    found = own.get_original_chat_template()
    return found if isinstance(found, str) else ""


def refused_files(error: Exception, artifact: Artifact) -> DragomanError:
    """INTERNAL: OpenVINO does not take the files. Its own words go to the log."""
    structlog.get_logger("dragoman.engines.genai").error(
        "files were refused", model=artifact.model, version=artifact.version, cause=str(error)
    )
    return DragomanError(
        Code.INTERNAL,
        f"{MODEL} or what lies beside it does not load: OpenVINO GenAI refuses it; the log tells more",
    )

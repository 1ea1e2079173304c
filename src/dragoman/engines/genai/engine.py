"""Claims folders that were exported to OpenVINO with their tokenizer, and loads them."""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Abilities, TextTraits
from dragoman.engines.base import Artifact, Claim, Engine, GivesWayError, Progress, Resources, TreeSnapshot
from dragoman.engines.conversion import CLOSED, Conversion, converted, find_exporter
from dragoman.engines.genai.files import MODEL, REQUIRED
from dragoman.engines.genai.link import Start
from dragoman.engines.genai.model import GenAiModel
from dragoman.engines.genai.options import GenAiOptions
from dragoman.engines.genai.scoring import Scorer
from dragoman.engines.genai.tokenizer import GenAiTokenizer, byte_table
from dragoman.engines.hugging_face import CONFIG, MODULES, check_weights, folder_bytes, writer_claim, writes
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
from dragoman.engines.text_model import TextParts
from dragoman.settings.model import ModelSettings

JSON_FILES: Final = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")
MEMORY_FACTOR: Final = 3
# More threads take longer for so little, above all while others compute.
TOKENIZER_PROPERTIES: Final = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
TASK: Final = "text-generation-with-past"
INSTEAD: Final = "; as it is, it is served with pip install 'dragoman[transformers]'"
UNCONVERTED: Final = (
    "folders of Hugging Face are served with pip install 'dragoman[transformers]'; faster once converted, "
    "with pip install 'dragoman[genai,exporter]', or an optimum-cli where options.exporter says"
)


class GenAiEngine(Engine):
    """OpenVINO GenAI: texts are written in a process of the model's own."""

    name: ClassVar[str] = "openvino-genai"
    looks_for: ClassVar[str] = (
        "a text model's openvino_model.xml with openvino_tokenizer.xml, or config.json with model.safetensors"
    )
    package: ClassVar[str | None] = "openvino_genai"
    closed_options: ClassVar[frozenset[str]] = frozenset({"properties"}) | CLOSED

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder with a model, its tokenizer and the way back, or one that is converted to that."""
        present = files.files
        if MODULES in present:
            return None
        if {MODEL, REQUIRED[2], REQUIRED[4]} <= present.keys():
            return Claim(MODEL, REQUIRED)
        return writer_claim(present)

    @classmethod
    def is_ready(cls, claim: Claim, options: Mapping[str, Any]) -> bool:
        """Whether the package is there, and what converts the files where they have to be."""
        exporter = options.get("exporter", "")
        converts = claim.entry == MODEL or find_exporter(str(exporter)) is not None
        return cls.is_installed() and converts

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the files."""
        return Resources(MEMORY_FACTOR * folder_bytes(os.path.dirname(artifact.path)))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> GenAiModel:
        """The model, which writes texts once it is started.

        Errors: those of `load_telling`.
        """
        return self.load_telling(artifact, options, Progress())

    def load_telling(self, artifact: Artifact, options: Mapping[str, Any], progress: Progress) -> GenAiModel:
        """The same; a folder of Hugging Face is converted first.

        Errors: INVALID_ARGUMENT for an option or a setting; NOT_FOUND for a file that is not there;
        FAILED_PRECONDITION where the package is missing; INTERNAL for files that OpenVINO refuses;
        GivesWayError for those that are not converted.
        """
        chosen = read_options(options, GenAiOptions, self.name)
        folder = os.path.dirname(artifact.path)
        if not os.path.isfile(artifact.path):
            file = os.path.basename(artifact.path)
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        for name in JSON_FILES:
            read_json(folder, name)  # OpenVINO's own words for what is none name no file
        is_converted = os.path.basename(artifact.path) == CONFIG
        if is_converted and not self.is_ready(Claim(CONFIG), options):
            raise DragomanError(Code.FAILED_PRECONDITION, UNCONVERTED)
        genai, openvino = import_runtime()
        graphs = convert(artifact, folder, chosen, progress) if is_converted else folder
        try:
            tokenizer = genai.Tokenizer(graphs, **TOKENIZER_PROPERTIES)
            scoring = artifact.settings.text.scoring != "off"
            scorer = Scorer(graphs, chosen.device, openvino.Core) if scoring else None
            parts = make_parts(tokenizer, folder, artifact, chosen.at_once)
            start = Start(graphs, chosen, tuple(sorted(parts.ends)), parts.defaults)
            return GenAiModel(parts, start, scorer)
        except DragomanError:
            raise
        except Exception as error:
            raise refused_files(error, artifact) from error


def convert(artifact: Artifact, folder: str, chosen: GenAiOptions, progress: Progress) -> str:
    """The folder of what this one is converted to.

    Errors: those of `check_weights` and `converted`; GivesWayError for a model that does not write.
    """
    exporter = find_exporter(chosen.exporter)
    if exporter is None or not writes(folder):
        raise GivesWayError(
            Code.FAILED_PRECONDITION, "config.json names no model among its architectures that writes text"
        )
    check_weights(folder)
    wanted = Conversion(artifact.model, folder, TASK, REQUIRED, INSTEAD)
    return converted(wanted, exporter, chosen, progress)


def make_parts(tokenizer: Any, folder: str, artifact: Artifact, at_once: int) -> TextParts:
    """What the files and the settings say of the model."""
    text = artifact.settings.text
    template = template_of(folder, text, built_in_template(tokenizer))
    scores = text.scoring != "off"
    traits = TextTraits(
        GenAiEngine.name,
        context_of(folder, text),
        Abilities(json_schema=True, top_logprobs=scores, explanations=scores),
        text.max_choices,
        chats=template is not None,
        reasons=text.reasoning_parser != "none",
    )
    return TextParts(
        traits,
        make_tokenizer(tokenizer, folder),
        template,
        end_tokens(folder),
        default_sampling(folder),
        at_once,
        artifact.model,
    )


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

"""Claims folders as Hugging Face has them, and loads them with transformers. No code of a folder's is run."""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, ClassVar, Final

import structlog
from msgspec import Meta, Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Abilities, TextTraits
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.fast_tokenizer import FastTokenizer
from dragoman.engines.hugging_face import CONFIG, TOKENIZER, check_weights, folder_bytes, writer_claim
from dragoman.engines.options import read_options
from dragoman.engines.text_files import (
    context_of,
    default_sampling,
    end_tokens,
    read_json,
    template_of,
)
from dragoman.engines.text_model import TextParts
from dragoman.engines.transformers.model import TransformersModel
from dragoman.settings.model import ModelSettings

JSON_FILES: Final = (CONFIG, "generation_config.json", "tokenizer_config.json", TOKENIZER)
MEMORY_FACTOR: Final = 3


class TransformersOptions(Struct, frozen=True, kw_only=True):
    """The engine's options, by their names."""

    device: str = "cpu"  # torch's name of it
    dtype: str = "auto"  # as the weights are; else torch's name of a type
    at_once: Annotated[int, Meta(ge=1, le=4096)] = 16  # texts that are written in turns


class TransformersEngine(Engine):
    """Hugging Face's transformers, in this process."""

    name: ClassVar[str] = "transformers"
    looks_for: ClassVar[str] = "config.json with model.safetensors and tokenizer.json"
    package: ClassVar[str | None] = "transformers"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder with a configuration, weights and a tokenizer, which is not one of vectors."""
        return writer_claim(files.files)

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the files."""
        return Resources(MEMORY_FACTOR * folder_bytes(os.path.dirname(artifact.path)))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TransformersModel:
        """The model, which writes texts once it is started.

        Errors: INVALID_ARGUMENT for an option or a setting; NOT_FOUND for a file that is not there;
        FAILED_PRECONDITION where the package is missing; INTERNAL for files that it refuses.
        """
        chosen = read_options(options, TransformersOptions, self.name)
        folder = os.path.dirname(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{CONFIG} does not load: there is no such file")
        for name in JSON_FILES:
            read_json(folder, name)
        check_weights(folder)
        text = artifact.settings.text
        context = context_of(folder, text)
        template = template_of(folder, text, "")
        torch, transformers, tokenizers = import_runtime()
        transformers.utils.logging.disable_progress_bar()
        try:
            tokenizer = FastTokenizer(tokenizers.Tokenizer.from_file(os.path.join(folder, TOKENIZER)))
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=chosen.dtype,
            )
            model = model.to(chosen.device).eval()
        except Exception as error:
            structlog.get_logger("dragoman.engines.transformers").error(
                "files were refused", model=artifact.model, version=artifact.version, cause=str(error)
            )
            message = (
                f"{CONFIG} or what lies beside it does not load: transformers refuses it; the log tells more"
            )
            raise DragomanError(Code.INTERNAL, message) from error
        scores = text.scoring != "off"
        abilities = Abilities(logit_bias=True, top_logprobs=scores, explanations=scores)
        traits = TextTraits(
            self.name,
            context,
            abilities,
            text.max_choices,
            chats=template is not None,
            reasons=text.reasoning_parser != "none",
        )
        parts = TextParts(
            traits,
            tokenizer,
            template,
            end_tokens(folder),
            default_sampling(folder),
            chosen.at_once,
            artifact.model,
        )
        return TransformersModel(torch, model, parts)


def import_runtime() -> tuple[ModuleType, ModuleType, ModuleType]:
    """The packages torch, transformers and tokenizers.

    Errors: FAILED_PRECONDITION.
    """
    try:
        import tokenizers  # noqa: PLC0415 (an engine that is not used costs nothing)
        import torch  # noqa: PLC0415
        import transformers  # noqa: PLC0415
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine transformers needs the package transformers: pip install 'dragoman[transformers]'",
        ) from error
    return torch, transformers, tokenizers

"""Claims folders of Hugging Face where a GPU is, and has vLLM serve them. No code of a folder's is run."""

import importlib.util
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Abilities, TextTraits
from dragoman.engines.base import Artifact, Claim, Engine, Progress, Resources, TreeSnapshot
from dragoman.engines.fast_tokenizer import FastTokenizer
from dragoman.engines.hugging_face import CONFIG, TOKENIZER, folder_bytes, writer_claim
from dragoman.engines.options import read_options
from dragoman.engines.text_files import (
    context_of,
    default_sampling,
    end_tokens,
    read_json,
    template_of,
)
from dragoman.engines.text_model import TextParts
from dragoman.engines.vllm.command import find_command, has_gpu, serve_command
from dragoman.engines.vllm.documents import context_told
from dragoman.engines.vllm.model import VllmModel
from dragoman.engines.vllm.options import VllmOptions
from dragoman.engines.vllm.server import VllmServer
from dragoman.settings.model import ModelSettings

JSON_FILES: Final = (CONFIG, "generation_config.json", "tokenizer_config.json", TOKENIZER)
MISSING: Final = (
    "the engine vllm needs vLLM: pip install 'dragoman[vllm]', or the path of another environment's command "
    "vllm in options.command"
)
MODELS: Final = "/v1/models"
ASK_S: Final = 30.0


class VllmEngine(Engine):
    """vLLM, in a process of its own."""

    name: ClassVar[str] = "vllm"
    looks_for: ClassVar[str] = (
        "config.json with model.safetensors and tokenizer.json, on a machine with a GPU"
    )
    package: ClassVar[str | None] = "tokenizers"
    closed_options: ClassVar[frozenset[str]] = frozenset({"command", "arguments"})

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder of Hugging Face that writes, where a GPU is or the engine is named."""
        wanted = settings.engine == cls.name or has_gpu()
        return writer_claim(files.files) if wanted else None

    @classmethod
    def is_ready(cls, claim: Claim, options: Mapping[str, Any]) -> bool:
        """Whether vLLM is there, too."""
        return cls.is_installed() and find_command(str(options.get("command", ""))) is not None

    def estimate(self, artifact: Artifact) -> Resources:
        """The files' size, which is more than this process keeps of them."""
        return Resources(folder_bytes(os.path.dirname(artifact.path)))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> VllmModel:
        """The model, which writes texts once it is started.

        Errors: those of `load_telling`.
        """
        return self.load_telling(artifact, options, Progress())

    def load_telling(self, artifact: Artifact, options: Mapping[str, Any], progress: Progress) -> VllmModel:
        """The same, once its process answers.

        Errors: INVALID_ARGUMENT for an option or a setting; NOT_FOUND for a file that is not there;
        FAILED_PRECONDITION where vLLM is missing or does not start; INTERNAL for files that are none;
        CANCELLED.
        """
        chosen = read_options(options, VllmOptions, self.name)
        folder = os.path.dirname(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{CONFIG} does not load: there is no such file")
        for name in JSON_FILES:
            read_json(folder, name)
        command = find_command(chosen.command)
        if command is None or importlib.util.find_spec("tokenizers") is None:
            raise DragomanError(Code.FAILED_PRECONDITION, MISSING)
        text = artifact.settings.text
        context = context_of(folder, text)
        tokenizer = open_tokenizer(folder, artifact)

        def make_command(socket: str) -> list[str]:
            return serve_command(command, folder, socket, chosen, text.context)

        server = VllmServer(artifact.model, make_command, chosen)
        try:
            server.open(progress)
            told = context_told(server.ask(server.openai.look(MODELS, None), ASK_S))
            parts = make_parts(folder, artifact, tokenizer, min(context, told or context), chosen.at_once)
            return VllmModel(server, parts, scores=text.scoring != "off")
        except BaseException:
            server.close()
            raise


def make_parts(
    folder: str, artifact: Artifact, tokenizer: FastTokenizer, context: int, at_once: int
) -> TextParts:
    """What the files and the settings say of the model."""
    text = artifact.settings.text
    template = template_of(folder, text, "")
    traits = TextTraits(
        VllmEngine.name,
        context,
        Abilities(logit_bias=True, json_schema=True, top_logprobs=text.scoring != "off"),
        text.max_choices,
        chats=template is not None,
        reasons=text.reasoning_parser != "none",
    )
    return TextParts(
        traits, tokenizer, template, end_tokens(folder), default_sampling(folder), at_once, artifact.model
    )


def open_tokenizer(folder: str, artifact: Artifact) -> FastTokenizer:
    """The folder's tokenizer.

    Errors: INTERNAL for a file that is none.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415 (an engine that is not used costs nothing)

    try:
        return FastTokenizer(Tokenizer.from_file(os.path.join(folder, TOKENIZER)))
    except Exception as error:
        structlog.get_logger("dragoman.engines.vllm").error(
            "a file was refused", model=artifact.model, cause=str(error)
        )
        raise DragomanError(
            Code.INTERNAL, f"{TOKENIZER} does not load: it is refused; the log tells more"
        ) from error

"""Claims folders of Hugging Face where a GPU is, and has vLLM serve them. No code of a folder's is run."""

import importlib.util
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import structlog
from msgspec.structs import replace

from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Abilities, TextTraits
from dragoman.engines.base import Artifact, Claim, Engine, Progress, Resources, TreeSnapshot
from dragoman.engines.embedding import EmbeddingTexts, read_recipe
from dragoman.engines.fast_tokenizer import FastTokenizer
from dragoman.engines.hugging_face import (
    CONFIG,
    MODULES,
    TOKENIZER,
    embedder_claim,
    folder_bytes,
    writer_claim,
)
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
from dragoman.engines.vllm.documents import context_told, trial_document
from dragoman.engines.vllm.model import COMPLETIONS, VllmModel
from dragoman.engines.vllm.options import VllmOptions
from dragoman.engines.vllm.server import VllmServer
from dragoman.engines.vllm.vectors import BATCH_TOKENS, vector_options, vectors_from
from dragoman.settings.model import ModelSettings

JSON_FILES: Final = (CONFIG, "generation_config.json", "tokenizer_config.json", TOKENIZER)
MISSING: Final = (
    "the engine vllm needs vLLM: pip install 'dragoman[vllm]', or the path of another environment's command "
    "vllm in options.command"
)
MODELS: Final = "/v1/models"
ASK_S: Final = 30.0
Finish = Callable[[VllmServer, int | None], VllmModel | EmbeddingTexts]  # with the context that vLLM tells
Make = Callable[[str, Artifact, VllmOptions], Finish]


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
        """A folder of Hugging Face that writes, where a GPU is; where it is named, one of vectors, too.

        vLLM takes most of a GPU's memory for itself, which nobody wants for a small model of vectors unasked.
        """
        if settings.engine == cls.name:
            return embedder_claim(files.files) or writer_claim(files.files)
        return writer_claim(files.files) if has_gpu() else None

    @classmethod
    def is_ready(cls, claim: Claim, options: Mapping[str, Any]) -> bool:
        """Whether vLLM is there, too."""
        return cls.is_installed() and find_command(str(options.get("command", ""))) is not None

    def estimate(self, artifact: Artifact) -> Resources:
        """The files' size, which is more than this process keeps of them."""
        return Resources(folder_bytes(os.path.dirname(artifact.path)))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> VllmModel | EmbeddingTexts:
        """The model, which writes texts once it is started, or makes vectors.

        Errors: those of `load_telling`.
        """
        return self.load_telling(artifact, options, Progress())

    def load_telling(
        self, artifact: Artifact, options: Mapping[str, Any], progress: Progress
    ) -> VllmModel | EmbeddingTexts:
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
        embeds = os.path.isfile(os.path.join(folder, MODULES))
        make: Make = make_embedding if embeds else make_writer
        finish = make(folder, artifact, chosen)
        limit = artifact.settings.text.context

        def make_command(socket: str) -> list[str]:
            return serve_command(command, folder, socket, chosen, context=limit, embeds=embeds)

        server = VllmServer(artifact.model, make_command, chosen)
        try:
            server.open(progress)
            told = context_told(server.ask(server.openai.look(MODELS, None), ASK_S))
            return finish(server, told)
        except BaseException:
            server.close()
            raise


def make_writer(folder: str, artifact: Artifact, chosen: VllmOptions) -> Finish:
    """What makes a model that writes texts of a process that answers, once its files are read."""
    text = artifact.settings.text
    context = context_of(folder, text)
    tokenizer = FastTokenizer(open_tokenizer(folder, artifact))

    def finish(server: VllmServer, told: int | None) -> VllmModel:
        try_out(server, chosen.start_timeout_s)
        parts = make_parts(folder, artifact, tokenizer, min(context, told or context), chosen.at_once)
        return VllmModel(server, parts, scores=text.scoring != "off")

    return finish


def try_out(server: VllmServer, timeout_s: float) -> None:
    """Have it write one token.

    Errors: FAILED_PRECONDITION where none comes.
    """
    call = server.openai.ask(COMPLETIONS, trial_document(), None, read=len)
    try:
        server.ask(call, timeout_s)
    except DragomanError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"vLLM loads this model and writes nothing: {error.message}"
        ) from error


def make_embedding(folder: str, artifact: Artifact, chosen: VllmOptions) -> Finish:
    """The same of a model that makes vectors."""
    recipe = read_recipe(folder, vector_options(chosen), artifact.settings)
    tokenizer = open_tokenizer(folder, artifact)

    def finish(server: VllmServer, told: int | None) -> EmbeddingTexts:
        known = replace(recipe, context=min(recipe.context, told or recipe.context))
        return EmbeddingTexts(
            vectors_from(server, chosen.idle_timeout_s),
            tokenizer,
            known,
            EmbedTraits(VllmEngine.name, known.context, known.dimensions),
            budget=BATCH_TOKENS,
            cuts=chosen.truncate == "end",
            let_go=server.close,
        )

    return finish


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


def open_tokenizer(folder: str, artifact: Artifact) -> Any:
    """The folder's tokenizer.

    Errors: INTERNAL for a file that is none.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415 (an engine that is not used costs nothing)

    try:
        return Tokenizer.from_file(os.path.join(folder, TOKENIZER))
    except Exception as error:
        structlog.get_logger("dragoman.engines.vllm").error(
            "a file was refused", model=artifact.model, cause=str(error)
        )
        raise DragomanError(
            Code.INTERNAL, f"{TOKENIZER} does not load: it is refused; the log tells more"
        ) from error

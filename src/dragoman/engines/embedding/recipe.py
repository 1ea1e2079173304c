"""What the files beside an embedder say of it, in the layout of sentence-transformers."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.embedding.pooling import FLAGS, POOLS
from dragoman.engines.text_files import MOST_BYTES, read_json
from dragoman.settings.model import ModelSettings

Pooling = Literal["mean", "cls", "max", "last"]
MODULES: Final = "modules.json"
TOKENIZER: Final = "tokenizer.json"
MODELS: Final = ("model.onnx", "onnx/model.onnx", "openvino_model.xml", "openvino/openvino_model.xml")
PROMPTS: Final = "config_sentence_transformers.json"
LIMITS: Final = "sentence_bert_config.json"
CONFIG: Final = "config.json"
NO_LIMIT: Final = 1_000_000  # tokenizer_config.json has 10**30 where nobody knows


class RecipeOptions(Protocol):
    """What an owner may say in the files' place; None = as they say."""

    @property
    def pooling(self) -> Pooling | None:
        """Which of a text's token vectors become the text's."""

    @property
    def normalize(self) -> bool | None:
        """Whether vectors get length 1."""

    @property
    def prompt(self) -> str | None:
        """The name of what goes before each text."""

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Shorter lengths that the model was trained for."""


class Recipe(Struct, frozen=True):
    """How texts become vectors. `modes` = the ways of pooling."""

    modes: tuple[str, ...]
    normalize: bool
    context: int
    prompt: str = ""
    lower_case: bool = False
    pad_id: int = 0
    dimensions: tuple[int, ...] = ()


class Steps(Struct, frozen=True):
    """What follows the tokens' vectors. `pools_prompt` = those of a prompt are pooled with the others."""

    modes: tuple[str, ...] = ("mean",)
    normalize: bool = False
    pools_prompt: bool = True


def folder_of(path: str) -> str:
    """The folder of modules.json and tokenizer.json, which the model lies in or below."""
    folder = os.path.dirname(path)
    if os.path.isfile(os.path.join(folder, TOKENIZER)):
        return folder
    return os.path.dirname(folder)


def read_recipe(folder: str, options: RecipeOptions, settings: ModelSettings) -> Recipe:
    """What the files say, and the options in their place.

    Errors: INVALID_ARGUMENT for what an option names and is not there, or where nobody tells the context;
    FAILED_PRECONDITION for a module that is not known; INTERNAL for a file that is no JSON.
    """
    steps = read_modules(folder)
    config = read_json(folder, CONFIG)
    prompt = read_prompt(folder, options.prompt)
    if prompt and not steps.pools_prompt:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "a prompt whose tokens are not pooled (include_prompt: false) is not known here",
        )
    trained = options.dimensions or tuple(config.get("matryoshka_dimensions") or ())
    pad = config.get("pad_token_id")
    return Recipe(
        steps.modes if options.pooling is None else (options.pooling,),
        steps.normalize if options.normalize is None else options.normalize,
        settings.text.context or context_of(folder, config),
        prompt,
        bool(read_json(folder, LIMITS).get("do_lower_case")),
        pad if isinstance(pad, int) else 0,
        trained,
    )


def read_modules(folder: str) -> Steps:
    """The steps of modules.json. Without it: the mean, with length 1."""
    path = os.path.join(folder, MODULES)
    if not os.path.isfile(path):
        return Steps(normalize=True)
    steps = Steps()
    for module in read_list(path):
        kind = str(module.get("type", "")).rpartition(".")[2]
        below = str(module.get("path", ""))
        if kind == "Pooling":
            steps = read_pooling(folder, below)
        elif kind == "Normalize":
            steps = replace(steps, normalize=True)
        elif kind != "Transformer" or below not in ("", "."):
            shown = f"{kind} in {below}" if below else kind
            raise DragomanError(
                Code.FAILED_PRECONDITION, f"{MODULES} has a module that is not known here: {shown}"
            )
    return steps


def read_list(path: str) -> Sequence[Mapping[str, Any]]:
    """The modules of modules.json."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(MOST_BYTES))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise DragomanError(Code.INTERNAL, f"{MODULES} is no JSON list of modules")
    return found


def read_pooling(folder: str, below: str) -> Steps:
    """The ways of pooling: flags, or in newer files a word."""
    name = os.path.normpath(os.path.join(below, CONFIG))
    if os.path.isabs(name) or name.startswith(".."):
        raise DragomanError(Code.FAILED_PRECONDITION, f"{MODULES}: {below} is not in the version's folder")
    config = read_json(folder, name)
    word = config.get("pooling_mode")
    found = [str(word)] if word else [mode for flag, mode in FLAGS.items() if config.get(flag)]
    for mode in found:
        if mode not in POOLS:
            raise DragomanError(Code.FAILED_PRECONDITION, f"{name}: pooling by {mode} is not known here")
    if not found:
        raise DragomanError(Code.FAILED_PRECONDITION, f"{name} does not say how vectors are pooled")
    return Steps(tuple(found), pools_prompt=config.get("include_prompt") is not False)


def context_of(folder: str, config: Mapping[str, Any]) -> int:
    """How many tokens a text may have: the least that a file says.

    Errors: INVALID_ARGUMENT where none does.
    """
    said = [
        read_json(folder, LIMITS).get("max_seq_length"),
        read_json(folder, "tokenizer_config.json").get("model_max_length"),
        config.get("max_position_embeddings"),
    ]
    known = [limit for limit in said if type(limit) is int and 0 < limit < NO_LIMIT]
    if not known:
        raise invalid(f"no file says how long a text may be: set text.context in model.yaml, or {LIMITS}")
    return min(known)


def read_prompt(folder: str, wanted: str | None) -> str:
    """What goes before each text: the prompt of this name, else the file's usual one.

    Errors: INVALID_ARGUMENT for a name that is none.
    """
    config = read_json(folder, PROMPTS)
    prompts = config.get("prompts") or {}
    name = config.get("default_prompt_name") if wanted is None else wanted
    if not name:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(name), str):
        raise invalid(f"options.prompt: {PROMPTS} has no prompt {name!r}")
    prompt: str = prompts[name]
    return prompt

"""What the files beside a model of texts say of it: its context, its template, which tokens are special."""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Sampling
from dragoman.engines.base import ChatTemplate
from dragoman.settings.model import TextSettings

CONTEXT_KEYS: Final = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
TEMPLATE: Final = "chat_template.jinja"
NAMED_TOKENS: Final = ("bos_token", "eos_token", "pad_token", "unk_token")
DEFAULTS: Final = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
MOST_BYTES: Final = 64 * 1024 * 1024


def read_json(folder: str, name: str) -> Mapping[str, Any]:
    """The object in a file; empty where there is no such file.

    Errors: INTERNAL naming the file that holds no object.
    """
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(MOST_BYTES))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DragomanError(Code.INTERNAL, f"{name} is no JSON object")
    return found


def context_of(folder: str, settings: TextSettings) -> int:
    """How many tokens a prompt and its text may have together.

    Errors: INVALID_ARGUMENT where nobody says.
    """
    if settings.context:
        return settings.context
    config = read_json(folder, "config.json")
    for holder in (config, config.get("text_config") or {}):
        for key in CONTEXT_KEYS:
            if isinstance(holder.get(key), int):
                return int(holder[key])
    raise DragomanError(
        Code.INVALID_ARGUMENT,
        "config.json does not say how long a text may be: set text.context in model.yaml",
    )


def template_of(folder: str, settings: TextSettings, built_in: str) -> ChatTemplate | None:
    """The chat template: the owner's, a file of its own, the tokenizer's, else what the model has built in.

    Errors: NOT_FOUND for an owner's that is not there.
    """
    config = read_json(folder, "tokenizer_config.json")
    named = {name: token_text(config.get(name)) for name in NAMED_TOKENS}
    variables = {name: text for name, text in named.items() if text is not None}
    source = read_template(folder, settings.chat_template) if settings.chat_template else None
    if source is None and os.path.isfile(os.path.join(folder, TEMPLATE)):
        source = read_template(folder, TEMPLATE)
    source = source or config_template(config.get("chat_template")) or built_in
    return ChatTemplate(source, variables) if source else None


def read_template(folder: str, name: str) -> str:
    """A file of the version's folder.

    Errors: NOT_FOUND, INVALID_ARGUMENT for one outside of it or that is no text.
    """
    path = os.path.normpath(os.path.join(folder, name))
    if os.path.isabs(name) or not path.startswith(os.path.normpath(folder) + os.sep):
        message = f"text.chat_template: {name} is not in the version's folder"
        raise DragomanError(Code.INVALID_ARGUMENT, message)
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(MOST_BYTES)
    except FileNotFoundError:
        raise DragomanError(Code.NOT_FOUND, f"the chat template {name} is not there") from None
    except UnicodeDecodeError:
        raise DragomanError(Code.INVALID_ARGUMENT, f"the chat template {name} is no UTF-8") from None


def config_template(found: object) -> str:
    """The template in tokenizer_config.json, or of several the one for chats."""
    if isinstance(found, list):
        named = {entry.get("name"): entry.get("template") for entry in found if isinstance(entry, dict)}
        found = named.get("default")
    return found if isinstance(found, str) else ""


def token_text(found: object) -> str | None:
    """A special token as tokenizer_config.json has it."""
    if isinstance(found, dict):
        found = found.get("content")
    return found if isinstance(found, str) else None


def default_sampling(folder: str) -> Sampling:
    """How generation_config.json would have tokens chosen; where it does not say, at temperature 1."""
    config = read_json(folder, "generation_config.json")
    found = {name: config[name] for name in DEFAULTS if isinstance(config.get(name), int | float)}
    return Sampling(**{"temperature": 1.0, **found})


def end_tokens(folder: str) -> frozenset[int]:
    """The tokens that end a text."""
    for name in ("generation_config.json", "config.json"):
        found = read_json(folder, name).get("eos_token_id")
        if isinstance(found, int):
            return frozenset({found})
        if isinstance(found, list) and found:
            return frozenset(token for token in found if isinstance(token, int))
    return frozenset()


def special_tokens(folder: str) -> frozenset[int]:
    """The tokens that are no text."""
    added = read_json(folder, "tokenizer.json").get("added_tokens") or []
    return frozenset(entry["id"] for entry in added if isinstance(entry, dict) and entry.get("special"))


def is_byte_level(folder: str) -> bool:
    """Whether the text of tokens is that of their bytes, one after the other."""
    decoder = read_json(folder, "tokenizer.json").get("decoder") or {}
    return isinstance(decoder, dict) and decoder.get("type") == "ByteLevel"

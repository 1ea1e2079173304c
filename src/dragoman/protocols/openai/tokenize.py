"""The tokens of texts, as vLLM's clients ask for them, and OpenVINO Model Server's with `text`."""

from collections.abc import Sequence
from typing import Final

from dragoman.core.generation import MOST_PROMPTS, refused
from dragoman.core.requests import Kind, TokenizeRequest
from dragoman.core.responses import TokensResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.openai.reading import read_fields, read_model, target_of
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.text_fields import read_flag, wrong_kind

MOST_CHARS: Final = 1_000_000  # of all texts of a request


class TokenizeDraft(Draft):
    """A call for tokens. `several` = a list was sent, and one is answered; `context` is there once bound."""

    asked_name: str
    texts: Sequence[str]
    special: bool
    several: bool
    context: int = 0


def parse_tokenize(wire: WireRequest, limits: Limits) -> TokenizeDraft:
    """A text, or texts.

    Errors: INVALID_ARGUMENT naming the field.
    """
    fields = read_fields(wire, limits)
    if "messages" in fields:
        raise refused("messages", "messages are not made tokens here: send a text as prompt")
    param = "text" if "text" in fields else "prompt"
    given = fields.get(param)
    several = isinstance(given, list)
    texts = given if isinstance(given, list) else [given]
    if not texts or len(texts) > MOST_PROMPTS or not all(isinstance(text, str) for text in texts):
        raise refused(param, f"{param} must be a string, or a list of from 1 to {MOST_PROMPTS} strings")
    found = [text for text in texts if isinstance(text, str)]
    if sum(map(len, found)) > MOST_CHARS:
        raise refused(param, f"{param} must have at most {MOST_CHARS} characters")
    name = read_model(fields)
    special = read_flag(fields, "add_special_tokens", usual=True)
    return TokenizeDraft(target_of(name), name, found, special, several)


def bind_tokenize(draft: TokenizeDraft, signature: Signature) -> TokenizeRequest:
    """The request for the model.

    Errors: INVALID_ARGUMENT for a model that has no tokens.
    """
    traits = signature.text or signature.embeds
    if traits is None or Kind.TOKENIZE not in signature.accepts:
        raise wrong_kind(draft.asked_name or draft.target.model, "make tokens of texts")
    draft.context = traits.context
    return TokenizeRequest(signature.name, draft.texts, draft.special)


def encode_tokenize(draft: TokenizeDraft, response: TokensResponse) -> WireResponse:
    """The tokens, how many they are, and how many the model takes."""
    body = {
        "count": sum(map(len, response.tokens)),
        "max_model_len": draft.context,
        "tokens": response.tokens if draft.several else response.tokens[0],
        "token_strs": None,
    }
    return WireResponse(200, dump(body))

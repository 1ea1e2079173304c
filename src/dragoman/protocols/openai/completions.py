"""Completions: prompts that are continued as they are."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from dragoman.core.generation import MOST_PROMPTS, Asked, Bounds, Ids, TextTraits, bounded, refused, shown
from dragoman.core.requests import GenerateRequest, Kind
from dragoman.core.responses import TextResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.openai.answers import head_of
from dragoman.protocols.openai.reading import TextDraft, new_draft, no_explainer, read_fields
from dragoman.settings.limits import Limits
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.text_answers import completion_choice, explanation_object, usage_object
from dragoman.wire.text_fields import check_abilities, read_asked, read_flag, wrong_kind

DEFAULT_TOKENS: Final = 16
MOST_LOGPROBS: Final = Bounds(0, 5, whole=True)
MOST_IDS: Final = 1_000_000  # of one prompt; no model has so long a context


def parse_completion(surroundings: Surroundings, wire: WireRequest, limits: Limits) -> TextDraft:
    """Prompts, and what is asked of their continuation.

    Errors: INVALID_ARGUMENT naming the field.
    """
    fields = read_fields(wire, limits)
    prompts = read_prompts(fields)
    asked = read_asked(fields, DEFAULT_TOKENS)
    if fields.get("suffix"):
        raise refused("suffix", "suffix is not supported: text is written at the end of a prompt alone")
    if fields.get("best_of", asked.texts) != asked.texts:
        raise refused("best_of", "best_of must be n: every text that is written is given")
    alternatives = None
    if "logprobs" in fields:
        # One beside each is the token itself, where it was the likeliest.
        alternatives = int(bounded("logprobs", fields["logprobs"], MOST_LOGPROBS))
    asked = replace(asked, alternatives=alternatives, echo=read_flag(fields, "echo"))
    draft = new_draft(wire, fields, surroundings, "cmpl-", asked)
    draft.prompts = prompts
    return draft


def read_prompts(fields: JsonObject) -> Sequence[str | Ids]:
    """A text, texts, the tokens of one, or lists of tokens.

    Errors: INVALID_ARGUMENT.
    """
    given = fields.get("prompt")
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise refused("prompt", "prompt must be a string, a list of strings, or tokens")
    if isinstance(given[0], int):
        return [read_ids(given)]
    if len(given) > MOST_PROMPTS:
        raise refused("prompt", f"there are {len(given)} prompts; at most {MOST_PROMPTS} are allowed")
    return [prompt if isinstance(prompt, str) else read_ids(prompt) for prompt in given]


def read_ids(given: JsonValue) -> Ids:
    """The tokens of one prompt."""
    if not isinstance(given, list) or len(given) > MOST_IDS:
        raise refused("prompt", f"a prompt must be a string or at most {MOST_IDS} tokens, not {shown(given)}")
    for token in given:
        if type(token) is not int:
            raise refused("prompt", f"tokens are whole numbers, not {shown(token)}")
    return [token for token in given if isinstance(token, int)]


def bind_completion(draft: TextDraft, signature: Signature) -> GenerateRequest:
    """The request for the model.

    Errors: INVALID_ARGUMENT for a model that writes no text, and for a field that its engine does not know;
    UNIMPLEMENTED where nothing explains what it writes.
    """
    traits = signature.text
    if traits is None or Kind.GENERATE not in signature.accepts:
        raise wrong_kind(draft.asked_name, "write text")
    asked = draft.asked
    if asked.alternatives == 1 and not traits.abilities.top_logprobs:
        asked = replace(asked, alternatives=0)
    check_abilities(asked, traits, top_name="logprobs")
    if draft.explain:
        asked = with_explanation(draft, asked, traits)
    draft.engine = traits.engine
    return GenerateRequest(signature.name, draft.prompts, asked)


def with_explanation(draft: TextDraft, asked: Asked, traits: TextTraits) -> Asked:
    """The same with an explanation of each prompt."""
    if draft.streamed:
        raise refused("explain", "explain goes without stream alone")
    if not traits.abilities.explanations:
        raise no_explainer(draft.asked_name or draft.target.model)
    return replace(asked, explained=True)


def encode_completion(draft: TextDraft, response: TextResponse) -> WireResponse:
    """The whole answer."""
    body = head_of(draft, "text_completion", response.version)
    body["choices"] = [completion_choice(piece, scored=draft.scored) for piece in response.texts]
    body["usage"] = usage_object(response.usage)
    if response.explanations:
        body["explanations"] = [explanation_object(each) for each in response.explanations]
    return WireResponse(200, dump(body))

"""Chat completions."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from dragoman.core.generation import Asked, bounded, refused, unsupported
from dragoman.core.requests import ChatRequest, Kind
from dragoman.core.responses import TextResponse
from dragoman.core.signatures import Signature
from dragoman.protocols.openai.answers import head_of
from dragoman.protocols.openai.reading import TextDraft, new_draft, no_explainer, read_fields
from dragoman.settings.limits import Limits
from dragoman.wire.chat import CONTINUES, read_messages, read_variables
from dragoman.wire.json_exact import JsonObject
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.text_answers import chat_choice, usage_object
from dragoman.wire.text_fields import MOST_TOP, check_abilities, read_asked, read_flag, wrong_kind
from dragoman.wire.tools import CHOICE, Calls, read_calls, read_tools

TOP: Final = "top_logprobs"
NAMES: Final[Mapping[str, str]] = {"prompt": "messages"}


def parse_chat(surroundings: Surroundings, wire: WireRequest, limits: Limits) -> TextDraft:
    """A conversation, and what is asked of its next turn.

    Errors: INVALID_ARGUMENT naming the field.
    """
    fields = read_fields(wire, limits)
    messages = read_messages(fields)
    asked = replace(read_asked(fields, None), alternatives=read_alternatives(fields), names=NAMES)
    draft = new_draft(wire, fields, surroundings, "chatcmpl-", asked)
    draft.messages = messages
    draft.variables = dict(read_variables(fields))
    draft.continues = read_flag(fields, CONTINUES)
    tools = read_tools(fields)
    if tools is not None:
        draft.variables["tools"] = tools
    if (calls := read_calls(fields, tools or ())) is not None:
        draft.calls = calls
        draft.asked = held_to(asked, calls)
    return draft


def held_to(asked: Asked, calls: Calls) -> Asked:
    """The same of a text that is nothing but calls of tools."""
    sampling = replace(asked.sampling, json_schema=calls.schema)
    return replace(asked, sampling=sampling, names={**asked.names, "response_format": "tools"})


def read_alternatives(fields: JsonObject) -> int | None:
    """How many other tokens are told of beside each; None = nothing is told.

    Errors: INVALID_ARGUMENT.
    """
    scored = read_flag(fields, "logprobs")
    if TOP not in fields:
        return 0 if scored else None
    count = int(bounded(TOP, fields[TOP], MOST_TOP))
    if not scored:
        raise refused(TOP, f"{TOP} goes with logprobs: true alone")
    return count


def bind_chat(draft: TextDraft, signature: Signature) -> ChatRequest:
    """The request for the model.

    Errors: INVALID_ARGUMENT for a model that does not chat, and for a field that its engine does not know;
    UNIMPLEMENTED where an explanation is asked for.
    """
    traits = signature.text
    if traits is None or Kind.CHAT not in signature.accepts:
        raise wrong_kind(draft.asked_name, "chat")
    if draft.explain:
        raise no_explainer(draft.asked_name or draft.target.model)  # of conversations there is none
    if draft.calls is not None and not traits.abilities.json_schema:
        raise unsupported(CHOICE, traits.engine)
    check_abilities(draft.asked, traits, top_name=TOP)
    draft.engine = traits.engine
    draft.reasons = traits.reasons or draft.always_reasons
    asked: Asked = draft.asked
    return ChatRequest(
        signature.name,
        draft.messages,
        draft.variables,
        asked,
        reads_tools="tools" in draft.variables,
        continues=draft.continues,
        calls_end=None if draft.calls is None else draft.calls.finish,
    )


def encode_chat(draft: TextDraft, response: TextResponse) -> WireResponse:
    """The whole answer."""
    body = head_of(draft, "chat.completion", response.version)
    body["choices"] = [
        chat_choice(piece, scored=draft.scored, reasons=draft.reasons, answer=draft.id)
        for piece in response.texts
    ]
    body["usage"] = usage_object(response.usage)
    return WireResponse(200, dump(body))

"""What every call of OpenAI's API has: a JSON object, the model it names, and whether it is streamed."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import field

from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.generation import Asked, Ids, refused, shown
from dragoman.core.requests import Target
from dragoman.settings.limits import Limits
from dragoman.wire.chat import Message
from dragoman.wire.document import read_body
from dragoman.wire.json_exact import JsonObject
from dragoman.wire.json_tree import load
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft
from dragoman.wire.query import query_flag
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.target import MAX_VERSION
from dragoman.wire.text_fields import given_fields, read_flag
from dragoman.wire.tools import Calls

STREAM_OPTIONS: Final = "stream_options"
MOST_NAME: Final = 512


class TextDraft(Draft):
    """A call for texts. `asked_name` = the model as the caller named it.

    `calls` = calls of tools that must be made. `engine`, and `reasons` for a model whose thoughts are told
    apart, are there once bound. `always_reasons`: a message tells of thoughts whatever the model; `explain` =
    what the query says of it, else the body.
    """

    asked_name: str
    id: str
    created_s: int
    asked: Asked
    prompts: Sequence[str | Ids] = ()
    messages: Sequence[Message] = ()
    variables: dict[str, Any] = field(default_factory=dict)
    continues: bool = False
    calls: Calls | None = None
    streamed: bool = False
    tells_usage: bool = False
    engine: str = ""
    reasons: bool = False
    always_reasons: bool = False
    explain: bool = False

    @property
    def scored(self) -> bool:
        """Whether the caller wants to know of tokens."""
        return self.asked.alternatives is not None


def read_fields(wire: WireRequest, limits: Limits) -> JsonObject:
    """The fields that are given in a body.

    Errors: INVALID_ARGUMENT, with status 415 for a body that says it is no JSON.
    """
    media_type = wire.header(b"content-type")
    if media_type is not None and b"json" not in media_type.lower():
        raise DragomanError(
            Code.INVALID_ARGUMENT, "the body must be JSON: send content-type: application/json", status=415
        )
    document = load(read_body(wire, limits), limits.json_depth, whole=True)
    if not isinstance(document, dict):
        raise invalid(f"the body must be a JSON object, not {shown(document)}")
    return given_fields(document)


def read_model(fields: JsonObject) -> str:
    """The name of the model; empty = the only one there is.

    Errors: INVALID_ARGUMENT.
    """
    name = fields.get("model", "")
    if not isinstance(name, str) or len(name) > MOST_NAME:
        raise refused("model", f"model must be a string of at most {MOST_NAME} characters")
    return name


def target_of(name: str) -> Target:
    """The model that a name means: `name`, or `name@version`."""
    model, at, version = name.rpartition("@")
    if not at or not version.isascii() or not version.isdecimal() or len(version) > len(str(MAX_VERSION)):
        return Target(name)
    return Target(model, int(version))


def read_stream(fields: JsonObject) -> tuple[bool, bool]:
    """Whether the answer is streamed, and whether the stream tells its tokens.

    Errors: INVALID_ARGUMENT.
    """
    streamed = read_flag(fields, "stream")
    options = fields.get(STREAM_OPTIONS)
    if options is None:
        return streamed, False
    if not streamed:
        raise refused(STREAM_OPTIONS, f"{STREAM_OPTIONS} goes with stream: true alone")
    if not isinstance(options, dict):
        raise refused(STREAM_OPTIONS, f"{STREAM_OPTIONS} must be an object, not {shown(options)}")
    usage = options.get("include_usage", False)
    if not isinstance(usage, bool):
        raise refused(STREAM_OPTIONS, f"{STREAM_OPTIONS}.include_usage must be true or false")
    return streamed, usage


def new_draft(
    wire: WireRequest, fields: JsonObject, surroundings: Surroundings, prefix: str, asked: Asked
) -> TextDraft:
    """The draft of a call, with what all have."""
    name = read_model(fields)
    streamed, usage = read_stream(fields)
    explain = query_flag(wire.query, "explain")
    return TextDraft(
        target_of(name),
        name,
        prefix + surroundings.new_id().replace("-", ""),
        int(surroundings.wall_s()),
        asked,
        streamed=streamed,
        tells_usage=usage,
        explain=read_flag(fields, "explain") if explain is None else explain,
    )


def no_explainer(model: str) -> DragomanError:
    """The error for a model whose texts nothing explains."""
    return DragomanError(
        Code.UNIMPLEMENTED,
        f"model {model} has no explainer",
        reason=Reason.NO_EXPLAINER,
        param="explain",
    )


Read = Callable[[WireRequest, Limits], TextDraft]

"""A model of another server that writes text: prompts and chats go there as they came, without tokens."""

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Abilities, Asked, Finish, Ids, Piece, TextTraits, Usage, refused
from dragoman.core.requests import ChatRequest, CoreRequest, GenerateRequest, Kind
from dragoman.core.responses import Chunk, CoreResponse, TextResponse
from dragoman.core.text_signature import text_signature
from dragoman.engines.external.asking import chat_fields, completion_fields, variable_fields
from dragoman.engines.external.model import ENGINE, ExternalModel
from dragoman.engines.external.pieces import (
    Calls,
    ShapeError,
    chat_part,
    choices_of,
    completion_part,
    place_of,
    usage_of,
    whole_chat,
    whole_completion,
)
from dragoman.engines.upstream import Events, OpenAiUpstream, Upstream

CHAT: Final = "/chat/completions"
COMPLETIONS: Final = "/completions"
EVERYTHING: Final = Abilities(logit_bias=True, top_logprobs=True, json_schema=True)
MOST_TEXTS: Final = 128


class Asking(Struct, frozen=True):
    """One call of the other server: what is sent where, which texts come of it, and how they are read.

    `first` = the number of the first of them among all that our caller wants.
    """

    path: str
    fields: dict[str, Any]
    count: int
    read_whole: Callable[[Any, int], Piece]
    read_part: Callable[[Any, int, Calls], Piece]
    first: int = 0


class ExternalTexts(ExternalModel):
    """Prompts, chats, or both."""

    health_path: ClassVar[str] = "/models"

    async def introduce(self, upstream: Upstream) -> None:
        """See that the server is there: what it lists tells nothing of what a model takes.

        Errors: DragomanError.
        """
        await self.looked(upstream, self.health_path)
        context = self.text_settings.context
        signature = text_signature(TextTraits(ENGINE, context, EVERYTHING, MOST_TEXTS, reasons=True))
        signature = replace(signature, accepts=signature.accepts - {Kind.TOKENIZE})
        self.signatures = {signature.name: signature}

    async def answer(self, request: CoreRequest, call: CallContext) -> CoreResponse:
        """The texts.

        Errors: DragomanError.
        """
        texts: list[Piece] = []
        usage = Usage()
        for asking in self._askings(request):
            server = OpenAiUpstream(self.upstream)
            read = partial(read_texts, asking)
            made, used = await server.ask(asking.path, self._sent(asking), call.deadline_s, read=read)
            texts += made
            usage = added(usage, used)
        return TextResponse(texts, usage)

    async def parts(self, request: CoreRequest, call: CallContext) -> AsyncGenerator[Chunk, None]:
        """The texts in the pieces in which they come.

        Errors: DragomanError.
        """
        askings = self._askings(request)
        usage = Usage()
        for asking in askings:
            sent = {**self._sent(asking), "stream": True, "stream_options": {"include_usage": True}}
            events = await OpenAiUpstream(self.upstream).open(asking.path, sent, call.deadline_s)
            reading = Reading(asking)
            try:
                while (document := await events.next()) is not None:
                    if pieces := taken(reading, events, document):
                        yield Chunk(pieces=pieces)
                ends = reading.ends(events)
            finally:
                events.close()
            usage = added(usage, reading.usage)
            yield Chunk(pieces=ends, usage=usage if asking is askings[-1] else None)

    def _sent(self, asking: Asking) -> dict[str, Any]:
        return {"model": self.their_name, **asking.fields}

    def _askings(self, request: CoreRequest) -> list[Asking]:
        """The calls that a request takes: one, but for prompts of which each becomes a chat.

        Errors: UNIMPLEMENTED for a request of another kind; INVALID_ARGUMENT for what no chat can be.
        """
        if isinstance(request, ChatRequest):
            fields = variable_fields(request)
            return [self._chat(request.asked, request.messages, fields, 0)]
        if not isinstance(request, GenerateRequest):
            raise DragomanError(Code.UNIMPLEMENTED, f"model {self.name} writes text, and takes nothing else")
        asked, prompts = request.asked, request.prompts
        if self.settings.task != "chat":
            fields = completion_fields(asked, prompts)
            count = len(prompts) * asked.texts
            return [Asking(COMPLETIONS, fields, count, whole_completion, completion_part)]
        return [
            self._chat(asked, as_messages(prompt, asked), {}, place * asked.texts)
            for place, prompt in enumerate(prompts)
        ]

    def _chat(self, asked: Asked, messages: Any, more: dict[str, Any], first: int) -> Asking:
        fields = chat_fields(asked, messages, self.settings.max_tokens_name) | more
        return Asking(CHAT, fields, asked.texts, whole_chat, chat_part, first)


def as_messages(prompt: str | Ids, asked: Asked) -> list[dict[str, Any]]:
    """A prompt as a conversation.

    Errors: INVALID_ARGUMENT for tokens, and where the prompt is to be shown with the text.
    """
    if not isinstance(prompt, str):
        raise refused("prompt", "prompt must be text: this model takes no tokens")
    if asked.echo:
        raise refused(
            "echo", "echo is not supported: this model answers prompts, and does not go on with them"
        )
    return [{"role": "user", "content": prompt}]


class Reading:
    """The texts of one stream on their way; the reasons why they end are held until the tokens are told."""

    def __init__(self, asking: Asking) -> None:
        self.usage = Usage()
        self._asking = asking
        self._calls = [Calls() for _ in range(asking.count)]
        self._finishes: dict[int, Finish] = {}

    def take(self, document: dict[str, Any]) -> list[Piece]:
        """The pieces of one event that say something.

        Errors: ShapeError.
        """
        asking = self._asking
        self.usage = usage_of(document) or self.usage
        pieces = []
        for choice in choices_of(document):
            place = place_of(choice, asking.count)
            piece = asking.read_part(choice, place, self._calls[place])
            if piece.finish is not None:
                self._finishes[place] = piece.finish
            if piece.text or piece.thought or piece.tokens or piece.calls:
                piece.choice, piece.finish = asking.first + place, None
                pieces.append(piece)
        return pieces

    def ends(self, events: Events) -> list[Piece]:
        """The ends of all texts.

        Errors: UNAVAILABLE where one has not ended, and the stream has.
        """
        asking = self._asking
        if len(self._finishes) < asking.count and not events.is_done:
            raise events.cut()
        return [
            Piece(asking.first + place, "", finish=self._finishes.get(place, Finish.STOP))
            for place in range(asking.count)
        ]


def taken(reading: Reading, events: Events, document: dict[str, Any]) -> Sequence[Piece]:
    """The pieces of one event.

    Errors: INTERNAL for a document that is none of a text.
    """
    try:
        return reading.take(document)
    except (TypeError, ValueError, OverflowError) as error:
        raise events.broken(str(error)) from error


def read_texts(asking: Asking, document: dict[str, Any]) -> tuple[list[Piece], Usage]:
    """The texts of a whole answer, in their order, and the tokens that they took.

    Errors: ShapeError.
    """
    texts: dict[int, Piece] = {}
    for choice in choices_of(document):
        place = place_of(choice, asking.count)
        texts[place] = asking.read_whole(choice, place)
    if len(texts) != asking.count:
        raise ShapeError(f"it has {len(texts)} choices, and {asking.count} were asked for")
    for place, piece in texts.items():
        piece.choice = asking.first + place
    return [texts[place] for place in sorted(texts)], usage_of(document) or Usage()


def added(one: Usage, other: Usage) -> Usage:
    """The tokens of two calls together."""
    cached = [usage.cached_tokens for usage in (one, other) if usage.cached_tokens is not None]
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        sum(cached) if cached else None,
    )

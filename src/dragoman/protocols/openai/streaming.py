"""Answers as streams of chunks, each an event; the last event is [DONE]."""

from collections.abc import Iterator

from dragoman.core.errors import DragomanError
from dragoman.core.generation import Piece
from dragoman.core.responses import Chunk
from dragoman.protocols.openai.answers import head_of
from dragoman.protocols.openai.errors import error_body
from dragoman.protocols.openai.reading import TextDraft
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireResponse
from dragoman.wire.sse import DONE, PING, event, events_head
from dragoman.wire.text_answers import (
    Envelope,
    call_delta,
    chat_delta,
    chat_logprobs,
    completion_delta,
    completion_logprobs,
    finish_reason,
)


class TextEncoder:
    """Writes one streamed answer; `choices` writes the choices of a piece."""

    kind = ""

    def __init__(self, draft: TextDraft) -> None:
        self.draft = draft
        self._envelope: Envelope | None = None

    def head(self, _: Chunk | None) -> WireResponse:
        """The head of a stream that has begun well."""
        return events_head()

    def chunk(self, item: Chunk) -> bytes:
        """The events of one part: a comment where there is nothing yet."""
        if not item.pieces:
            return PING
        envelope = self._envelope
        if envelope is None:
            head = head_of(self.draft, self.kind, item.version)
            envelope = self._envelope = Envelope(head, counts=self.draft.tells_usage)
        events = [event(envelope.choice(choice)) for piece in item.pieces for choice in self.choices(piece)]
        if item.usage is not None and self.draft.tells_usage:
            events.append(event(envelope.usage(item.usage)))
        return b"".join(events)

    def end(self) -> bytes | None:
        """The last event."""
        return DONE

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """What became of the rest."""
        return event(error_body(error)) + DONE

    def choices(self, piece: Piece) -> Iterator[bytes]:
        """The choices of one piece, each of a chunk of its own."""
        raise NotImplementedError


class ChatEncoder(TextEncoder):
    """Chunks of a chat: first the role, then the text, last an empty one with the reason."""

    kind = "chat.completion.chunk"

    def __init__(self, draft: TextDraft) -> None:
        super().__init__(draft)
        self._begun: set[int] = set()

    def choices(self, piece: Piece) -> Iterator[bytes]:
        """The choices of one piece."""
        if piece.choice not in self._begun:
            self._begun.add(piece.choice)
            yield chat_delta(piece.choice, b'{"role":"assistant","content":""}')
        if piece.thought:
            yield chat_delta(piece.choice, b'{"reasoning_content":%b}' % dump(piece.thought))
        for call in piece.calls:
            yield chat_delta(piece.choice, call_delta(call, piece.choice, self.draft.id))
        if piece.text or piece.tokens:
            scores = dump(chat_logprobs(piece.tokens)) if self.draft.scored else b"null"
            yield chat_delta(piece.choice, b'{"content":%b}' % dump(piece.text), scores)
        if piece.finish is not None:
            yield chat_delta(piece.choice, b"{}", finish=finish_reason(piece))


class CompletionEncoder(TextEncoder):
    """Chunks of completions: the text, last an empty one with the reason."""

    kind = "text_completion"

    def __init__(self, draft: TextDraft) -> None:
        super().__init__(draft)
        self._offsets: dict[int, int] = {}

    def choices(self, piece: Piece) -> Iterator[bytes]:
        """The choices of one piece."""
        if piece.text or piece.tokens:
            scores = b"null"
            if self.draft.scored:
                offset = self._offsets.get(piece.choice, 0)
                self._offsets[piece.choice] = offset + len(piece.text)
                scores = dump(completion_logprobs(piece.tokens, offset))
            yield completion_delta(piece.choice, piece.text, scores)
        if piece.finish is not None:
            yield completion_delta(piece.choice, "", finish=finish_reason(piece))


def stream_chat(draft: TextDraft) -> ChatEncoder | None:
    """An encoder where the caller reads events."""
    return ChatEncoder(draft) if draft.streamed else None


def stream_completion(draft: TextDraft) -> CompletionEncoder | None:
    """An encoder where the caller reads events."""
    return CompletionEncoder(draft) if draft.streamed else None

"""A model of texts that vLLM writes. Each text is a stream of its own, and vLLM steps them together.

All calls are tasks of one event loop; what came in one turn of it is handed on in one batch.
"""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Ids, Sampling, refused, with_defaults
from dragoman.engines.base import Emission, Scored
from dragoman.engines.text_model import FAILED, Deliver, DescribedModel, TextParts, closed
from dragoman.engines.vllm.documents import (
    BadChunkError,
    read_chunk,
    read_scores,
    score_document,
    text_document,
)
from dragoman.engines.vllm.server import VllmServer

COMPLETIONS: Final = "/v1/completions"
SCORE_S: Final = 300.0


def nobody(emissions: Sequence[Emission]) -> None:
    """Who is handed what comes before the model is started."""


class VllmModel(DescribedModel):
    """A model of texts, whose process is closed with it."""

    def __init__(self, server: VllmServer, parts: TextParts, *, scores: bool) -> None:
        super().__init__(parts)
        self._server = server
        self._scores = scores
        self._deliver: Deliver = nobody
        self._handles = count()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ready: list[Emission] = []
        self._closed = False

    def start(self, deliver: Deliver) -> None:
        """Hand what comes to this from now on."""
        self._deliver = deliver

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        """Begin a text.

        Errors: UNAVAILABLE once it is closed, and while the process is started again.
        """
        if self._closed:
            raise closed(self.name)
        self._server.check()
        handle = next(self._handles)
        self._server.loop.call_soon_threadsafe(self._begin, handle, ids, sampling)
        return handle

    def cancel(self, handle: int) -> None:
        """End a text: its connection is closed, which vLLM sees."""
        if not self._closed:
            self._server.loop.call_soon_threadsafe(self._drop, handle)

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        """The tokens from `first` on, each with so many of the likeliest at its place.

        Errors: UNIMPLEMENTED where the owner has switched it off; INVALID_ARGUMENT for as many tokens as the
        context has, since vLLM writes one more; what the call comes to.
        """
        if not self._scores:
            raise DragomanError(Code.UNIMPLEMENTED, "text.scoring is off")
        if len(ids) >= self.traits.context:
            raise refused(
                "logprobs", f"with others beside it, a text ends before {self.traits.context} tokens"
            )
        self._server.check()
        call = self._server.openai.ask(
            COMPLETIONS,
            score_document(ids, count),
            None,
            read=lambda answer: read_scores(answer, ids, first, count),
            idempotent=True,
        )
        return self._server.ask(call, SCORE_S)

    def close(self) -> None:
        """End the process. Calling it twice does no harm."""
        self._closed = True
        self._server.close()

    def _begin(self, handle: int, ids: Ids, sampling: Sampling) -> None:
        task = self._server.loop.create_task(self._write(handle, ids, sampling))
        self._tasks[handle] = task
        task.add_done_callback(lambda _: self._tasks.pop(handle, None))

    def _drop(self, handle: int) -> None:
        if (task := self._tasks.get(handle)) is not None:
            task.cancel()

    async def _write(self, handle: int, ids: Ids, sampling: Sampling) -> None:
        """One text from its first token to its last."""
        try:
            await self._read(handle, ids, with_defaults(sampling, self.defaults))
        except asyncio.CancelledError:
            raise
        except DragomanError as error:
            self._put(Emission(handle, error=error))
        except Exception as error:  # a defect of ours
            structlog.get_logger("dragoman.engines.vllm").error(
                "a text was not written", model=self.name, cause=str(error)
            )
            self._put(Emission(handle, error=DragomanError(Code.INTERNAL, FAILED)))

    async def _read(self, handle: int, ids: Ids, sampling: Sampling) -> None:
        document = text_document(ids, sampling, self.ends, self.traits.context - len(ids))
        events = await self._server.openai.open(COMPLETIONS, document, None)
        try:
            while (chunk := await events.next()) is not None:
                emission = read_chunk(handle, chunk)
                if emission is None:
                    continue
                self._put(emission)
                if emission.finish is not None:
                    await events.next()  # the one that says so; the connection is then for the next text
                    return
            raise events.cut()
        except BadChunkError as error:
            raise events.broken(str(error)) from error
        finally:
            events.close()

    def _put(self, emission: Emission) -> None:
        if not self._ready:
            self._server.loop.call_soon(self._flush)
        self._ready.append(emission)

    def _flush(self) -> None:
        emissions, self._ready = self._ready, []
        self._deliver(emissions)

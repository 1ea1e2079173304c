"""How calls end: the answer is written, the version given back, and the recorder told."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter_ns

from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import CoreResponse
from dragoman.gateway.effort import bytes_to_write
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.guard import Guard
from dragoman.gateway.recorder import Recorder
from dragoman.gateway.tasks import timed
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import (
    ControlOperation,
    InferOperation,
    MultiInferOperation,
    StatusOperation,
    ViewOperation,
)

Answering = InferOperation | MultiInferOperation | StatusOperation | ViewOperation | ControlOperation


class Ending:
    """Ends calls. `codecs` = the threads on which long answers are written."""

    def __init__(self, recorder: Recorder, guard: Guard, limits: Limits, codecs: ThreadPoolExecutor) -> None:
        self.recorder = recorder
        self._guard = guard
        self._limits = limits
        self._codecs = codecs

    def answered(self, operation: InferOperation, exchange: Exchange, answer: CoreResponse) -> WireResponse:
        """The end of a call that the model has answered."""
        encoding_ns = perf_counter_ns()
        response = operation.encode(exchange.draft, answer)
        ended_ns = perf_counter_ns()
        exchange.succeed(answer.run, ended_ns - encoding_ns, ended_ns)
        self.recorder.done(exchange, response, None, ended_ns)
        return response

    async def written(
        self, operation: InferOperation, exchange: Exchange, answer: CoreResponse
    ) -> WireResponse:
        """The same with the answer written on a thread."""
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._codecs, timed, operation.encode, exchange.draft, answer)
        response, output_ns = await writing
        ended_ns = perf_counter_ns()
        exchange.succeed(answer.run, output_ns, ended_ns)
        self.recorder.done(exchange, response, None, ended_ns)
        return response

    def writes_long(self, operation: InferOperation, exchange: Exchange, answer: CoreResponse) -> bool:
        """Whether an answer takes long to write. Where nobody can tell, that of a short request does not."""
        writing, limit = operation.writing, self._limits.offload_bytes
        if writing is not None:
            return writing(exchange.draft, answer) > limit
        return len(exchange.wire.body) > limit and bytes_to_write(answer) > limit

    def end(
        self, exchange: Exchange, response: WireResponse, error: DragomanError | None = None
    ) -> WireResponse:
        """The end of a call that no model has answered."""
        ended_ns = perf_counter_ns()
        if exchange.handle is not None:
            exchange.handle.statistics.fail(ended_ns - exchange.began_ns)
        exchange.release()
        self.recorder.done(exchange, response, error, ended_ns)
        return response

    def fail(self, operation: Answering, exchange: Exchange, caught: Exception) -> WireResponse:
        """The end of a call that failed, as the caller's protocol words it."""
        error = self.recorder.as_dragoman(caught, exchange.call)
        response = operation.fail(exchange.draft, error)
        if error.code is Code.UNAUTHENTICATED:
            self._guard.challenge(response)
        return self.end(exchange, response, error)

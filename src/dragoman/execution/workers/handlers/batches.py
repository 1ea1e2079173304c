"""One batch in a worker: its frame to the handler, the handler's answers to frames."""

import mmap
import os
from collections.abc import Callable, Sequence

import structlog

from dragoman.core.measures import Measurement
from dragoman.execution.workers.frames import Answer, Answers, Batch, FromWorker
from dragoman.execution.workers.handlers.bodies import pack_bodies, unpack_bodies
from dragoman.execution.workers.handlers.hosting import HandlerAnswer, HostedHandler, ReaderGoneError


def answer_batch(
    handler: HostedHandler,
    batch: Batch,
    memory: mmap.mmap,
    send: Callable[[FromWorker], None],
    wants_more: Callable[[], bool],
) -> None:
    """Have the handler answer, part by part where it does so.

    A part is sent at once, and the handler goes on as soon as the server has taken it; once nobody reads them
    any more, each that it tries to send fails. A handler that ends the process does so.
    Errors: as `HostedHandler.answers`; TOO_LARGE.
    """
    is_read = True

    def send_parts(answers: Sequence[HandlerAnswer]) -> None:
        nonlocal is_read
        if is_read:
            send(frame_of(batch.slot, answers, memory, more=True))
            is_read = wants_more()
        if not is_read:
            raise ReaderGoneError

    try:
        answers = handler.answers(batch, unpack_bodies(batch.bodies, memory, bytearray), send_parts)
    except SystemExit as error:
        structlog.get_logger("dragoman.worker").exception("the handler ended its process")
        os._exit(error.code if isinstance(error.code, int) else 1)
    send(frame_of(batch.slot, answers, memory, more=False, measured=handler.measuring.kept()))


def frame_of(
    slot: int,
    answers: Sequence[HandlerAnswer],
    memory: mmap.mmap,
    *,
    more: bool,
    measured: Sequence[Measurement] = (),
) -> Answers:
    """The answers to a batch, or one part of each."""
    heads = [
        Answer(answer.status, answer.phrase, dict(answer.headers), answer.content_type) for answer in answers
    ]
    bodies = pack_bodies([answer.body for answer in answers], memory)
    return Answers(slot, heads, bodies, more, list(measured))

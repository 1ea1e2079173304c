"""Work that asks a model and goes on with its answer, written once for whoever asks.

A model in this process answers where it is asked; one in a worker is waited for on the event loop. So work of
more than one step is a generator: it yields what it asks, and is sent the answer or thrown the error.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar, cast

from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse

T = TypeVar("T")


class Question(Struct, frozen=True):
    """What is asked of a model; `size_bytes` are those of its inputs."""

    request: TensorRequest
    size_bytes: int
    call: CallContext


Steps = Generator[Question, TensorResponse, T]


def carry_out(steps: Steps[T], answer: Callable[[Question], TensorResponse]) -> T:
    """The result of the steps, each question answered here and now."""
    try:
        question = next(steps)
        while True:
            try:
                given = answer(question)
            except Exception as error:
                question = steps.throw(error)
            else:
                question = steps.send(given)
    except StopIteration as end:
        return cast(T, end.value)


async def carry_on(steps: Steps[T], answer: Callable[[Question], Awaitable[TensorResponse]]) -> T:
    """The result of the steps, each answer awaited."""
    try:
        question = next(steps)
        while True:
            try:
                given = await answer(question)
            except Exception as error:
                question = steps.throw(error)
            else:
                question = steps.send(given)
    except StopIteration as end:
        return cast(T, end.value)

"""The tokens of texts, for callers who want to know them."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from time import perf_counter_ns

from dragoman.core.context import CallContext
from dragoman.core.generation import Ids
from dragoman.core.requests import TokenizeRequest
from dragoman.core.responses import TokensResponse
from dragoman.core.statistics import Run
from dragoman.execution.deadlines import within

Encode = Callable[[str, bool], Ids]  # a text, and whether with what the model wants around it; it blocks


async def tokenized(
    threads: Executor, encode: Encode, request: TokenizeRequest, version: int, call: CallContext
) -> TokensResponse:
    """The tokens of each text, made on a thread.

    Errors: DEADLINE_EXCEEDED.
    """

    def make() -> Sequence[Ids]:
        return [encode(text, request.special) for text in request.texts]

    began_ns = perf_counter_ns()
    tokens = await within(call, asyncio.get_running_loop().run_in_executor(threads, make))
    return TokensResponse(tokens, version, Run(perf_counter_ns() - began_ns))

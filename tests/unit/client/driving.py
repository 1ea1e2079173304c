"""Drives the flows of the client by hand, and holds the tensors that its codecs are tested with."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dragoman.client.attempts import Attempts
from dragoman.client.errors import ClientError
from dragoman.client.exchange import Answer, Flow, Step
from dragoman.client.retries import Retries
from dragoman.core.tensors import NUMPY, Array, DType

T = TypeVar("T")
Came = Any
NOW = 1000.0
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def attempts(
    retries: int = 0,
    timeout_s: float | None = None,
    now: Callable[[], float] = lambda: NOW,
    random: float = 1.0,
) -> Attempts:
    rules = Retries(count=retries, first_s=1, factor=2, longest_s=5)
    return Attempts(rules, timeout_s, now=now, random=lambda: random)


def drive(flow: Flow[T], came: Sequence[Came]) -> tuple[T, list[Step]]:
    """What a flow gives where its steps come to this, errors being thrown; and the steps."""
    steps: list[Step] = []
    pending = list(came)
    try:
        steps.append(next(flow))
        while True:
            item = pending.pop(0)
            steps.append(flow.throw(item) if isinstance(item, ClientError) else flow.send(item))
    except StopIteration as end:
        assert pending == []
        return end.value, steps


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    """An HTTP answer with a JSON body."""
    return Answer(
        json.dumps(document).encode(),
        status,
        {key.replace("_", "-"): value for key, value in headers.items()},
    )


def arrays(dtype: DType) -> st.SearchStrategy[Array]:
    """Arrays of any shape, the empty and the scalar among them, and of any bits that the type has."""
    if dtype is DType.BYTES:
        return hnp.arrays(np.object_, SHAPES, elements=st.binary(max_size=6), fill=st.nothing())
    if dtype is DType.BF16:
        return hnp.arrays(np.uint16, SHAPES).map(lambda bits: bits.view(NUMPY[dtype]))
    return hnp.arrays(NUMPY[dtype], SHAPES)


def bits(array: Array) -> tuple[object, ...]:
    """Everything of an array that two equal ones have in common, NaN's bits among it."""
    return array.dtype, array.shape, array.tolist() if array.dtype == object else array.tobytes()

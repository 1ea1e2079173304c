"""Steps that ask a model go the same way whether they are answered at once or awaited."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError, invalid
from dragoman.core.responses import TensorResponse
from dragoman.execution.steps import Question, Steps, carry_on, carry_out
from tests.unit.execution.models import ask, floats

Carry = Callable[..., Any]


def awaited(steps: Steps[Any], answer: Callable[[Question], TensorResponse]) -> Any:
    async def answered(question: Question) -> TensorResponse:
        await asyncio.sleep(0)
        return answer(question)

    return asyncio.run(carry_on(steps, answered))


WAYS = pytest.mark.parametrize("carry", [carry_out, awaited])


def question(value: float) -> Question:
    return Question(ask(value), 4, CallContext("id"))


def value(response: TensorResponse) -> float:
    return float(response.outputs["y"].array[0])


def double(asked: Question) -> TensorResponse:
    given = float(asked.request.inputs["x"].array[0])
    if given < 0:
        raise invalid("negative")
    return TensorResponse({"y": floats(given * 2)})


@WAYS
def test_each_question_may_depend_on_the_last_answer(carry: Carry) -> None:
    def steps() -> Steps[float]:
        first = yield question(1.0)
        second = yield question(value(first) + 1)
        return value(second)

    assert carry(steps(), double) == 6.0


@WAYS
def test_an_error_reaches_the_step_that_asked_which_may_go_on(carry: Carry) -> None:
    def steps() -> Steps[str]:
        try:
            yield question(-1.0)
        except DragomanError as error:
            after = yield question(3.0)
            return f"{error.message}, then {value(after)}"
        return "no error"

    assert carry(steps(), double) == "negative, then 6.0"


@WAYS
def test_an_error_that_no_step_takes_is_raised(carry: Carry) -> None:
    def steps() -> Steps[None]:
        yield question(-1.0)

    with pytest.raises(DragomanError, match="negative"):
        carry(steps(), double)


@WAYS
def test_steps_that_ask_nothing_have_their_result(carry: Carry) -> None:
    def steps() -> Steps[int]:
        if carry is None:
            yield question(1.0)
        return 7

    assert carry(steps(), double) == 7

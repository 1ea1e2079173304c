"""What is told of the parts of a prompt: how much likelier the text is with each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Asked, Ids, Piece, TextExplanation
from dragoman.execution.text import explanation
from dragoman.execution.text.detokenizer import Detokenizer
from dragoman.execution.text.explanation import TextExplainer, check_prompts, parts_of
from dragoman.execution.text.sequence import TextSequence
from dragoman.settings.model import ExplainSettings
from tests.unit.execution.text.scripted import ScriptedModel

USUAL = ExplainSettings()
MOST_PARTS, MOST_ROWS = USUAL.max_tokens, USUAL.budget


class Weighing(ScriptedModel):
    """One to which each token of a prompt is worth its number, and each of the text nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.given = float

    def likelihoods(self, ids: Ids, first: int, masked: Sequence[range]) -> Sequence[float]:
        self.asked.append(len(masked))
        return [
            self.given(sum(token for place, token in enumerate(ids[:first]) if place not in hidden))
            for hidden in masked
        ]


async def instantly(_: float) -> None:
    """No rest at all."""


def sequence(prompt: Ids, text: bytes) -> TextSequence:
    model = ScriptedModel()
    made = TextSequence(0, prompt, Asked(explained=True), Detokenizer(lambda ids: ""), model.ends)
    made.ids += text
    return made


def explain(
    model: ScriptedModel,
    prompt: bytes,
    text: bytes = b"xy",
    *,
    shown: Sequence[str] = (),
    call: CallContext | None = None,
    rest: Callable[[float], Awaitable[object]] = instantly,
) -> TextExplanation:
    async def whole() -> TextExplanation:
        explainer = TextExplainer(model, "m", ExplainSettings(max_queue=1), lambda: True, rest)
        said = "".join(shown) + text.decode()
        pairs = [(sequence(list(prompt), text), Piece(0, said))]
        try:
            (found,) = await explainer.explain(pairs, shown, call or CallContext("id"))
        finally:
            await asyncio.to_thread(explainer.close)
        return found

    return asyncio.run(whole())


def test_a_score_is_how_much_likelier_the_text_is_with_the_token() -> None:
    assert explain(Weighing(), b"\x01\x02\x03") == TextExplanation(
        0, ["\x01", "\x02", "\x03"], [1.0, 2.0, 3.0], "xy"
    )


def test_a_prompt_that_is_shown_is_no_part_of_what_is_explained() -> None:
    assert explain(Weighing(), b"ab", shown=["ab"]).target == "xy"


def test_a_text_of_nothing_but_its_end_hangs_on_nothing() -> None:
    model = Weighing()
    assert explain(model, b"ab", b"").scores == [0.0, 0.0]
    assert model.asked == []


def test_a_character_of_several_tokens_is_told_with_the_last_of_them() -> None:
    assert explain(Weighing(), "aé".encode()).parts == ["a", "", "é"]


@given(st.integers(1, 5000))
def test_the_parts_are_all_of_a_prompt_and_no_more_than_may_be(size: int) -> None:
    parts = parts_of(size, MOST_PARTS)
    assert [place for part in parts for place in part] == list(range(size))
    assert len(parts) == size if size <= MOST_PARTS else len(parts) <= MOST_PARTS
    assert max(map(len, parts)) <= -(-size // MOST_PARTS)


def test_a_long_prompt_is_asked_for_in_slices_and_told_in_parts_of_several_tokens() -> None:
    model = Weighing()
    found = explain(model, b"\x01" * 300, b"x")
    assert (len(found.parts), set(found.scores)) == (150, {2.0})
    assert (sum(model.asked), max(model.asked)) == (151, 1)


def test_it_rests_between_slices_while_others_have_texts_written_and_not_after_the_last() -> None:
    rests: list[float] = []

    async def rest(for_s: float) -> None:
        rests.append(for_s)

    model = Weighing()
    explain(model, b"\x01" * 100, b"x" * 28, rest=rest)
    assert model.asked == [2] * 50 + [1]
    assert len(rests) == 50


def test_the_deadline_counts_between_slices() -> None:
    call = CallContext("id")

    def rest(_: float) -> Awaitable[bool]:
        call.deadline_s = monotonic() + 0.01
        return asyncio.Event().wait()

    model = Weighing()
    with pytest.raises(DragomanError) as caught:
        explain(model, b"\x01" * 200, b"x" * 60, call=call, rest=rest)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert len(model.asked) == 1


def test_one_is_explained_at_a_time_and_the_line_has_an_end() -> None:
    async def scene() -> None:
        model = Weighing()
        going = asyncio.Event()

        async def rest(_: float) -> None:
            await going.wait()

        explainer = TextExplainer(model, "m", ExplainSettings(max_queue=1), lambda: True, rest)

        def ask() -> "asyncio.Task[list[TextExplanation]]":
            pairs = [(sequence([1] * 200, b"x" * 60), Piece(0, "x"))]
            return asyncio.create_task(explainer.explain(pairs, (), CallContext("id")))

        first, second, third = ask(), ask(), ask()
        with pytest.raises(DragomanError) as caught:
            await third
        assert caught.value.reason is Reason.QUEUE_FULL
        going.set()
        assert len(await first) == len(await second) == 1
        await asyncio.to_thread(explainer.close)

    asyncio.run(scene())


def test_numbers_that_are_none_are_an_error() -> None:
    model = Weighing()
    model.given = lambda _: float("nan")
    with pytest.raises(DragomanError) as caught:
        explain(model, b"ab")
    assert caught.value.code is Code.INTERNAL


def test_a_model_that_cannot_be_asked_explains_nothing() -> None:
    with pytest.raises(DragomanError) as caught:
        explain(ScriptedModel(), b"ab")
    assert caught.value.code is Code.UNIMPLEMENTED


def test_more_prompts_than_can_be_explained_are_refused() -> None:
    prompts = [[1] * MOST_PARTS] * (MOST_ROWS // (MOST_PARTS + 1))
    check_prompts(prompts, USUAL, "m")
    with pytest.raises(DragomanError) as caught:
        check_prompts([*prompts, [1] * MOST_PARTS], USUAL, "m")
    assert caught.value.param == "explain"
    assert str(MOST_ROWS) in caught.value.message


def test_a_slice_is_of_as_many_rows_as_there_is_room_for() -> None:
    model = Weighing()
    explain(model, b"\x01" * 30, b"xy")
    assert max(model.asked) * 32 <= explanation.SLICE
    assert model.asked == [8, 8, 8, 7]


def test_an_owner_can_switch_explanations_off() -> None:
    with pytest.raises(DragomanError) as caught:
        check_prompts([[1]], ExplainSettings(method="off"), "m")
    assert caught.value.reason is Reason.NO_EXPLAINER

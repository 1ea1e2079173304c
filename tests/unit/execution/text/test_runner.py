"""Texts on their way from the engine to those who asked, those who read slowly and those who leave."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from time import monotonic
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Asked, Finish, Sampling, Usage
from dragoman.core.requests import ChatRequest, CoreRequest, GenerateRequest, TensorRequest, TreeRequest
from dragoman.core.responses import Chunk, TensorResponse, TextResponse
from dragoman.core.statistics import TextCounts
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.base import Emission
from dragoman.execution.text.runner import TextRunner
from dragoman.repository.handle import Handle
from dragoman.settings.model import ModelSettings, TextSettings
from tests.unit.execution.text.scripted import ScoringModel, ScriptedModel

USUAL = ModelSettings()


class Stage:
    """A runner with its scripted model, on the running loop."""

    def __init__(self, model: ScriptedModel, settings: ModelSettings, silence_s: float) -> None:
        self.model = model
        self.runner = TextRunner(model, settings, "m", asyncio.get_running_loop(), silence_s=silence_s)
        self.handle = Handle("m", 3, model.signatures, self.runner)
        self.signature = model.signatures["serving_default"]

    def ask(self, request: CoreRequest, call: CallContext | None = None) -> "asyncio.Future[Any]":
        answer = self.runner.run(self.handle, request, self.signature, call or CallContext("id"))
        return asyncio.ensure_future(answer)

    def stream(self, request: CoreRequest, call: CallContext | None = None) -> AsyncGenerator[Chunk, None]:
        return self.runner.stream(self.handle, request, self.signature, call or CallContext("id"))

    async def begun(self, count: int) -> None:
        """Wait until the engine has begun so many texts in all."""
        await until(lambda: len(self.model.begun) >= count)

    @property
    def at_rest(self) -> bool:
        """Whether nothing of any request is left."""
        occupancy = self.runner.occupancy()
        return occupancy.taken == 0 and self.runner._line.free == occupancy.places


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until this is so."""
    end_s = monotonic() + 30
    while not condition():
        assert monotonic() < end_s
        await asyncio.sleep(0)


def play(
    scene: Callable[[Stage], Coroutine[Any, Any, None]],
    model: ScriptedModel | None = None,
    settings: ModelSettings = USUAL,
    silence_s: float = 15.0,
) -> None:
    """Run a scene on a loop of its own, and close what it used."""

    async def whole() -> None:
        stage = Stage(model or ScriptedModel(), settings, silence_s)
        await scene(stage)
        await asyncio.to_thread(stage.runner.close)
        assert stage.model.closed == 1

    asyncio.run(whole())


def prompt(text: str = "p", **asked: Any) -> GenerateRequest:
    sampling = asked.pop("sampling", Sampling(max_tokens=8))
    return GenerateRequest("serving_default", [text], Asked(sampling, **asked))


def texts(chunks: list[Chunk]) -> str:
    return "".join(piece.text for chunk in chunks for piece in chunk.pieces)


def test_a_whole_answer_has_the_text_its_reason_and_the_tokens_it_took() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt("abc"))
        await stage.begun(1)
        stage.model.say(0, "caf\N{LATIN SMALL LETTER E WITH ACUTE}", Finish.STOP)
        response = await answer
        assert isinstance(response, TextResponse)
        assert [(piece.text, piece.finish) for piece in response.texts] == [("café", Finish.STOP)]
        assert response.usage == Usage(3, 6)
        assert response.version == 3
        assert stage.at_rest

    play(scene)


def test_a_stream_gives_what_each_step_makes_and_tells_usage_with_the_last() -> None:
    async def scene(stage: Stage) -> None:
        chunks = []
        async with aclosing(stage.stream(prompt())) as stream:
            first = asyncio.ensure_future(anext(stream))
            await stage.begun(1)
            stage.model.say(0, "a")
            chunks.append(await first)
            stage.model.say(0, "b", Finish.LENGTH)
            chunks += [chunk async for chunk in stream]
        assert [[piece.text for piece in chunk.pieces] for chunk in chunks] == [["a"], ["b"]]
        assert [chunk.usage for chunk in chunks] == [None, Usage(1, 2)]
        assert stage.at_rest

    play(scene)


def test_a_reader_that_is_slow_finds_all_of_the_text_in_one_piece_and_stops_nobody() -> None:
    async def scene(stage: Stage) -> None:
        stream = stage.stream(prompt())
        first = asyncio.ensure_future(anext(stream))
        await stage.begun(1)
        for _ in range(2000):
            stage.model.say(0, "ab")
        stage.model.say(0, "c", Finish.STOP)
        await until(lambda: stage.at_rest)
        chunks = [await first, *[chunk async for chunk in stream]]
        assert texts(chunks) == "ab" * 2000 + "c"
        assert sum(len(chunk.pieces) for chunk in chunks) < 20

    play(scene)


def test_several_texts_for_each_of_several_prompts_keep_their_places() -> None:
    async def scene(stage: Stage) -> None:
        request = GenerateRequest("serving_default", ["x", [121, 122]], Asked(Sampling(8, seed=5), texts=2))
        answer = stage.ask(request)
        await stage.begun(4)
        assert [ids for ids, _ in stage.model.begun.values()] == [[120], [120], [121, 122], [121, 122]]
        assert [sampling.seed for _, sampling in stage.model.begun.values()] == [5, 6, 5, 6]
        for handle in (3, 1, 0, 2):
            stage.model.say(handle, str(handle), Finish.STOP)
        response = await answer
        assert [(piece.choice, piece.text) for piece in response.texts] == [(n, str(n)) for n in range(4)]
        assert response.usage == Usage(3, 8)

    play(scene)


def test_an_echo_comes_before_the_text() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt("ab", echo=True))
        await stage.begun(1)
        stage.model.say(0, "c", Finish.STOP)
        assert (await answer).texts[0].text == "abc"

    play(scene)


def test_a_stop_text_ends_the_text_and_the_engine_is_told() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt(stop=("lta e",)))
        await stage.begun(1)
        stage.model.say(0, " gamma de")
        stage.model.say(0, "lta eps")
        piece = (await answer).texts[0]
        assert (piece.text, piece.finish) == (" gamma de", Finish.STOP)
        assert stage.model.cancelled == [0]
        assert stage.at_rest

    play(scene)


def test_who_leaves_while_the_engine_writes_frees_the_place_at_once() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt())
        await stage.begun(1)
        answer.cancel()
        await asyncio.wait([answer])
        assert stage.model.cancelled == [0]
        assert stage.at_rest
        counts = stage.runner.texts()
        assert (counts.running, counts.finished, counts.cancelled) == (0, 0, 1)
        stage.model.say(0, "late", Finish.STOP)  # is nobody's

    play(scene)


def test_texts_are_counted_under_way_in_line_and_when_they_end() -> None:
    async def scene(stage: Stage) -> None:
        answers = [stage.ask(prompt("abc")) for _ in range(3)]
        await stage.begun(2)
        await until(lambda: stage.runner._line.waiting == 1)
        assert stage.runner.texts() == TextCounts(2, 2, 1, 0, 0, 0, 6, 0)
        stage.model.say(0, "xy", Finish.STOP)  # the token that ends it counts, too
        stage.model.step(Emission(1, error=DragomanError(Code.INTERNAL, "the step failed")))
        await stage.begun(3)
        await asyncio.wait(answers[:2])
        assert stage.runner.texts() == TextCounts(2, 1, 0, 1, 0, 1, 9, 3)
        answers[2].cancel()
        await asyncio.wait(answers)
        assert stage.runner.texts() == TextCounts(2, 0, 0, 1, 1, 1, 9, 3)

    play(scene, ScriptedModel(at_once=2))


def test_who_leaves_the_line_is_never_begun() -> None:
    async def scene(stage: Stage) -> None:
        first, second = stage.ask(prompt()), stage.ask(prompt())
        await stage.begun(1)
        await until(lambda: stage.runner._line.waiting == 1)
        second.cancel()
        await asyncio.wait([second])
        stage.model.say(0, "a", Finish.STOP)
        await first
        assert len(stage.model.begun) == 1
        assert (stage.runner.texts().waiting, stage.runner.texts().cancelled) == (0, 1)
        assert stage.at_rest

    play(scene, ScriptedModel(at_once=1))


def test_who_leaves_while_the_prompt_is_made_is_counted_and_never_begun() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt(texts=2))
        await asyncio.sleep(0)
        answer.cancel()
        await asyncio.wait([answer])
        assert (stage.model.begun, stage.runner.texts().cancelled) == ({}, 2)

    play(scene)


def test_callers_take_turns() -> None:
    async def scene(stage: Stage) -> None:
        many = stage.ask(prompt("a", texts=3), CallContext("1", peer="a"))
        await stage.begun(1)
        one = stage.ask(prompt("b"), CallContext("2", peer="b"))
        await until(lambda: stage.runner._line.waiting == 3)
        for handle in range(4):
            stage.model.say(handle, "x", Finish.STOP)
            await until(lambda done=handle: len(stage.model.begun) > done + 1 or stage.at_rest)
        assert [ids for ids, _ in stage.model.begun.values()] == [[97], [97], [98], [97]]
        await asyncio.gather(many, one)

    play(scene, ScriptedModel(at_once=1))


def test_a_full_line_refuses_before_any_work() -> None:
    async def scene(stage: Stage) -> None:
        waiting = [stage.ask(prompt()) for _ in range(2)]
        await until(lambda: stage.runner._line.waiting == 1)
        with pytest.raises(DragomanError) as caught:
            await stage.ask(prompt())
        assert caught.value.reason is Reason.QUEUE_FULL
        for handle in range(2):
            await stage.begun(handle + 1)
            stage.model.say(handle, "a", Finish.STOP)
        await asyncio.gather(*waiting)

    play(scene, ScriptedModel(at_once=1), ModelSettings(max_queue=1))


def test_an_engine_that_fails_fails_its_own_callers_only() -> None:
    async def scene(stage: Stage) -> None:
        broken, whole = stage.ask(prompt()), stage.ask(prompt())
        await stage.begun(2)
        stage.model.step(Emission(0, error=DragomanError(Code.INTERNAL, "it broke")))
        stage.model.say(1, "fine", Finish.STOP)
        with pytest.raises(DragomanError, match="it broke"):
            await broken
        assert (await whole).texts[0].text == "fine"
        assert stage.at_rest

    play(scene)


def test_likelier_tokens_and_those_of_an_echo_come_from_the_scoring_pass() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt("ab", echo=True, alternatives=2, stop=("z",)))
        await stage.begun(1)
        stage.model.say(0, "cdz")
        piece = (await answer).texts[0]
        assert piece.text == "abcd"
        assert [(score.text, score.logprob) for score in piece.tokens] == [
            ("a", None), ("b", -1.0), ("c", -2.0), ("d", -3.0)
        ]  # fmt: skip
        assert piece.tokens[2].others == (("c", -2.0), ("d", -99.0))

    play(scene, ScoringModel())


def test_a_stream_tells_likelier_tokens_part_by_part_and_those_of_an_echo_first() -> None:
    async def scene(stage: Stage) -> None:
        chunks = []
        async with aclosing(stage.stream(prompt("ab", echo=True, alternatives=1))) as stream:
            chunks.append(await anext(stream))
            stage.model.say(0, "c")
            chunks.append(await anext(stream))
            stage.model.say(0, "de", Finish.STOP)
            chunks += [chunk async for chunk in stream]
        tokens = [score for chunk in chunks for piece in chunk.pieces for score in piece.tokens]
        assert [(score.text, score.logprob) for score in tokens] == [
            ("a", None), ("b", -1.0), ("c", -2.0), ("d", -3.0), ("e", -4.0)
        ]  # fmt: skip
        assert [score.others for score in tokens[1:]] == [((c, -1.0 - n),) for n, c in enumerate("bcde")]

    play(scene, ScoringModel())


def test_an_engine_that_scores_nothing_says_so() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt(alternatives=2))
        await stage.begun(1)
        stage.model.say(0, "a", Finish.STOP)
        with pytest.raises(DragomanError, match="scores no tokens"):
            await answer

    play(scene)


def test_a_deadline_ends_the_wait_and_the_text() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(prompt(), CallContext("id", monotonic() + 0.01))
        with pytest.raises(DragomanError) as caught:
            await answer
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert stage.at_rest

    play(scene)


def test_silence_is_broken_by_an_empty_part() -> None:
    async def scene(stage: Stage) -> None:
        async with aclosing(stage.stream(prompt())) as stream:
            chunk = await anext(stream)
            assert not chunk.pieces
            stage.model.say(0, "a", Finish.STOP)
            assert texts([chunk async for chunk in stream]) == "a"

    play(scene, silence_s=0.001)


@pytest.mark.parametrize("seed", range(20))
def test_whoever_leaves_whenever_nothing_is_left_and_the_others_get_their_texts(seed: int) -> None:
    chance = random.Random(seed)
    text = "one two three café 🙂 four"

    async def scene(stage: Stage) -> None:
        async def reader(leaves: bool) -> str | None:
            chunks: list[Chunk] = []
            async with aclosing(stage.stream(prompt(texts=chance.randint(1, 2)))) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    if leaves and chance.random() < 0.5:
                        return None
            return "".join(piece.text for chunk in chunks for piece in chunk.pieces if piece.choice == 0)

        readers = [
            (leaves, asyncio.ensure_future(reader(leaves))) for leaves in chance.choices([True, False], k=50)
        ]
        written: dict[int, int] = {}
        data = text.encode()
        while not all(task.done() for _, task in readers):
            for handle in stage.model.running:
                start = written.get(handle, 0)
                if start > len(data):
                    continue
                end = start + chance.randint(1, 5)
                written[handle] = end if end < len(data) else len(data) + 1
                stage.model.say(handle, data[start:end], Finish.STOP if end >= len(data) else None)
            for leaves, task in readers:
                if leaves and chance.random() < 0.02:
                    task.cancel()
            await asyncio.sleep(0)
        assert all(task.result() == text for leaves, task in readers if not leaves)
        assert stage.at_rest
        assert not stage.runner._line.waiting

    play(scene)


def test_a_chat_goes_through_the_template() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(ChatRequest("serving_default", [{"role": "user", "content": "hi"}]))
        await stage.begun(1)
        ids, sampling = stage.model.begun[0]
        assert bytes(ids) == b"<user>hi<assistant>"
        assert sampling.max_tokens == 64 - len(ids)
        stage.model.say(0, "ho", Finish.STOP)
        assert (await answer).texts[0].text == "ho"

    play(scene)


@pytest.mark.parametrize(
    ("request_", "param", "reason"),
    [
        (prompt("a" * 60), "prompt", Reason.CONTEXT_EXCEEDED),
        (prompt("a", sampling=Sampling(10**9)), "prompt", Reason.CONTEXT_EXCEEDED),
        (prompt("a" * 64, sampling=Sampling()), "prompt", Reason.CONTEXT_EXCEEDED),
        (prompt(""), "prompt", None),
        (prompt("\ud800"), "prompt", None),
        (GenerateRequest("serving_default", [[257]]), "prompt", None),
        (GenerateRequest("serving_default", [[-1]]), "prompt", None),
        (GenerateRequest("serving_default", [[]]), "prompt", None),
    ],
)
def test_a_prompt_that_cannot_be_is_refused_before_the_engine_hears_of_it(
    request_: GenerateRequest, param: str, reason: Reason | None
) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(DragomanError) as caught:
            await stage.ask(request_)
        assert (caught.value.code, caught.value.param) == (Code.INVALID_ARGUMENT, param)
        assert caught.value.reason is reason
        assert not stage.model.begun

    play(scene)


def test_calls_of_tools_and_thoughts_are_read_where_the_owner_says_how_they_are_written() -> None:
    written = '<think>so</think>I ask.<tool_call>{"name": "f"}</tool_call>'
    settings = ModelSettings(text=TextSettings(tool_parser="hermes", reasoning_parser="think"))

    async def scene(stage: Stage) -> None:
        said = [{"role": "user", "content": "hi"}]
        for handle, reads_tools in enumerate((True, False)):
            answer = stage.ask(ChatRequest("serving_default", said, reads_tools=reads_tools))
            await stage.begun(handle + 1)
            stage.model.say(handle, written[:20])
            stage.model.say(handle, written[20:], Finish.STOP)
            piece = (await answer).texts[0]
            assert piece.thought == "so"
            assert [call.name for call in piece.calls] == (["f"] if reads_tools else [])
            assert piece.finish is (Finish.TOOL_CALLS if reads_tools else Finish.STOP)
            assert piece.text.startswith("I ask.")

    play(scene, ScriptedModel(context=200), settings)


def test_a_model_without_a_template_says_which_file_is_missing() -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(DragomanError, match=r"chat_template\.jinja"):
            await stage.ask(ChatRequest("serving_default", [{"role": "user", "content": "hi"}]))

    play(scene, ScriptedModel(template=None))


def tensors(*texts: bytes, **parameters: Any) -> TensorRequest:
    array = np.empty(len(texts), np.object_)
    array[:] = texts
    return TensorRequest("serving_default", {"text_input": Tensor(DType.BYTES, array)}, None, parameters)


def test_tensors_in_give_tensors_out_whole_and_in_parts() -> None:
    async def scene(stage: Stage) -> None:
        answer = stage.ask(tensors(b"a", b"b", max_tokens=5, temperature=0))
        await stage.begun(2)
        assert stage.model.begun[1] == ([98], Sampling(5, 0, scored=False))
        stage.model.say(1, "two", Finish.STOP)
        stage.model.say(0, "one", Finish.STOP)
        response = await answer
        assert isinstance(response, TensorResponse)
        assert response.outputs["text_output"].array.tolist() == [b"one", b"two"]
        stream = stage.stream(tensors(b"a"))
        first = asyncio.ensure_future(anext(stream))
        await stage.begun(3)
        stage.model.say(2, "x")
        stage.model.say(2, "y", Finish.STOP)
        chunks = [await first, *[chunk async for chunk in stream]]
        assert b"".join(chunk.outputs["text_output"].array[0] for chunk in chunks) == b"xy"

    play(scene)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (tensors(b"\xff"), "no UTF-8"),
        (tensors(), "has 0 prompts"),
        (tensors(b"a", temperature=9), "temperature must be"),
        (tensors(b"a", max_tokens=True), "max_tokens must be"),
        (tensors(b"a", stop=""), "stop"),
        (replace(tensors(b"a"), inputs={}), "is missing"),
        (TreeRequest("serving_default", [1]), "takes no tree"),
    ],
)
def test_tensors_that_are_no_prompts_are_refused(request_: CoreRequest, message: str) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(DragomanError, match=message):
            await stage.ask(request_)

    play(scene)

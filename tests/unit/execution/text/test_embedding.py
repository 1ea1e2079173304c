"""How calls reach a model of vectors: on threads, and on the event loop once they are known to be short."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.generation import Ids, Usage
from dragoman.core.requests import CoreRequest, EmbedRequest, GenerateRequest, TensorRequest, TokenizeRequest
from dragoman.core.responses import CoreResponse, EmbedResponse, TensorResponse, TokensResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor
from dragoman.core.text_signature import PROMPT, VECTOR, embedding_signature
from dragoman.execution.text.embedding import EmbeddingRunner
from dragoman.repository.handle import Handle

SIGNATURE = embedding_signature(EmbedTraits("counter", 64), 1)
ONE = EmbedRequest(SIGNATURE.name, ["banana"])


class Counter:
    """Counts characters, and does something before."""

    def __init__(self, before: Callable[[CallContext], object] = lambda _: None) -> None:
        self.signatures: Mapping[str, Signature] = {SIGNATURE.name: SIGNATURE}
        self.concurrency = 1
        self._before = before

    def embed(self, request: EmbedRequest, call: CallContext) -> EmbedResponse:
        self._before(call)
        return EmbedResponse(np.array([[len(text)] for text in request.inputs], np.float32), Usage(1))

    def tokens(self, text: str, *, special: bool) -> Ids:
        return [*([0] if special else []), *map(ord, text)]

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        texts = request.inputs[PROMPT].array.tolist()
        vectors = self.embed(EmbedRequest(request.signature, texts), call).vectors
        return TensorResponse({VECTOR: Tensor(DType.FP32, vectors)})

    def close(self) -> None:
        return


def asked(
    model: Counter,
    *requests: CoreRequest,
    deadline_s: float | None = None,
    at_last: Callable[[], None] = lambda: None,
) -> list[CoreResponse]:
    """The answers to requests, one after the other; `at_last` is done before the model is closed."""

    async def answers() -> list[CoreResponse]:
        runner = EmbeddingRunner(model, "m", 1, 8)
        handle = Handle("m", 3, model.signatures, runner)
        handle.hold()
        found = []
        try:
            for request in requests:
                found.append(await runner.run(handle, request, SIGNATURE, CallContext("id", deadline_s)))
            return found
        finally:
            at_last()
            await asyncio.to_thread(runner.close)

    return asyncio.run(answers())


def test_cold_calls_run_on_a_thread_and_short_ones_then_on_the_loop() -> None:
    threads: list[int] = []
    asked(Counter(lambda _: threads.append(threading.get_ident())), ONE, ONE, ONE)
    here = threading.get_ident()
    assert [thread == here for thread in threads] == [False, False, True]


def test_a_long_text_keeps_off_the_loop() -> None:
    threads: list[int] = []
    long = EmbedRequest(SIGNATURE.name, ["a" * 10_000_000])
    asked(Counter(lambda _: threads.append(threading.get_ident())), ONE, ONE, long)
    assert threading.get_ident() not in threads


def test_vectors_and_tensors_of_them_tell_the_version_and_what_they_took() -> None:
    texts = Tensor(DType.BYTES, np.array([b"banana", b"x"], np.object_))
    vectors, tensors = asked(Counter(), ONE, TensorRequest(SIGNATURE.name, {PROMPT: texts}))
    assert isinstance(vectors, EmbedResponse)
    assert isinstance(tensors, TensorResponse)
    assert vectors.vectors.tolist() == [[6.0]]
    assert tensors.outputs[VECTOR].array.tolist() == [[6.0], [1.0]]
    assert (vectors.version, tensors.version) == (3, 3)
    assert vectors.run is not None
    assert vectors.run.infer_ns > 0


@pytest.mark.parametrize(("special", "around"), [(True, [0]), (False, [])])
def test_tokens_are_told(special: bool, around: list[int]) -> None:
    (answer,) = asked(Counter(), TokenizeRequest(SIGNATURE.name, ["ab", "c"], special))
    assert isinstance(answer, TokensResponse)
    assert answer.tokens == [[*around, 97, 98], [*around, 99]]
    assert answer.version == 3


def test_a_request_of_another_kind_is_unimplemented() -> None:
    with pytest.raises(
        DragomanError, match="takes embed or tensors or tokenize, and the request holds generate"
    ) as caught:
        asked(Counter(), GenerateRequest(SIGNATURE.name, ["a"]))
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_call_past_its_deadline_ends_and_the_model_hears_of_it() -> None:
    released = threading.Event()
    calls: list[CallContext] = []

    def wait(call: CallContext) -> None:
        calls.append(call)
        assert released.wait(30)

    with pytest.raises(DragomanError) as caught:  # late enough for the thread to have begun
        asked(Counter(wait), ONE, deadline_s=monotonic() + 2.0, at_last=released.set)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert calls[0].cancelled


class Joiner(Counter):
    """One that answers several calls at once, the first of them only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = threading.Event(), threading.Event()
        self.runs: list[list[str]] = []

    def embed_all(
        self, requests: Sequence[EmbedRequest], calls: Sequence[CallContext]
    ) -> Sequence[EmbedResponse | DragomanError]:
        self.runs.append([str(text) for request in requests for text in request.inputs])
        self.begun.set()
        assert self.let.wait(30)
        return [
            invalid("no") if "wrong" in request.inputs else self.embed(request, call)
            for request, call in zip(requests, calls, strict=True)
        ]


def together(texts: Sequence[str], leaves: str = "") -> tuple[Joiner, list[object]]:
    """The answers to calls of one text each, of which the first is run when the others come."""
    model = Joiner()

    async def answers() -> list[object]:
        runner = EmbeddingRunner(model, "m", 1, 8)
        handle = Handle("m", 3, model.signatures, runner)
        handle.hold()
        tasks = []
        for text in texts:
            request = EmbedRequest(SIGNATURE.name, [text])
            call = runner.run(handle, request, SIGNATURE, CallContext(text))
            tasks.append(asyncio.ensure_future(call))
            await asyncio.to_thread(model.begun.wait, 30)
        await asyncio.sleep(0)
        if leaves:
            tasks[texts.index(leaves)].cancel()
        model.let.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert runner.occupancy().taken == 0
        await asyncio.to_thread(runner.close)
        return list(found)

    return model, asyncio.run(answers())


def test_calls_that_wait_run_as_one_and_each_has_its_own_answer() -> None:
    model, answers = together(["first", "a", "bb", "ccc"])
    assert model.runs == [["first"], ["a", "bb", "ccc"]]
    sizes = [each.vectors.tolist() for each in answers if isinstance(each, EmbedResponse)]
    assert sizes == [[[5.0]], [[1.0]], [[2.0]], [[3.0]]]


def test_a_call_that_fails_or_leaves_takes_no_other_with_it() -> None:
    _, answers = together(["first", "wrong", "bb", "ccc"], leaves="ccc")
    assert isinstance(answers[1], DragomanError)
    assert isinstance(answers[2], EmbedResponse)
    assert isinstance(answers[3], asyncio.CancelledError)


def test_a_long_call_waits_for_its_own_turn() -> None:
    model, _ = together(["first", "a" * 5000, "bb"])
    assert model.runs == [["first"], ["bb"]]

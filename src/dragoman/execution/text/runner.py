"""Runs a model that writes text: many requests at once, each getting its pieces as the engine steps.

The engine steps on a thread of its own and hands what a step gave to the event loop in one batch. There
tokens become text, stop texts are found, and each request's `Answer` gets its pieces. Prompts are made on
threads.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter_ns
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.generation import Piece, TextExplanation, Usage
from dragoman.core.requests import ChatRequest, CoreRequest, GenerateRequest, TensorRequest, TokenizeRequest
from dragoman.core.responses import Chunk, CoreResponse, TextResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run, TextCounts
from dragoman.engines.base import Emission, TextModel
from dragoman.execution.adapters import KIND_OF
from dragoman.execution.text.answer import SILENCE_S, Answer, joined
from dragoman.execution.text.detokenizer import ByteDetokenizer, Detokenizer
from dragoman.execution.text.explanation import TextExplainer, check_prompts
from dragoman.execution.text.line import FairLine
from dragoman.execution.text.markup import CallsAlone, Markup
from dragoman.execution.text.prompts import Preparation, Prepared
from dragoman.execution.text.scores import PieceScorer, needs_scoring, scored_text
from dragoman.execution.text.sequence import TextSequence
from dragoman.execution.text.tensors import generate_request, text_response, text_tensor
from dragoman.execution.text.tokens import tokenized
from dragoman.repository.handle import Handle
from dragoman.settings.model import ModelSettings

PREPARING_THREADS: Final = 2


class Writing(Struct, eq=False, gc=False):
    """One text on its way: whose it is, and by what the engine knows it once it is begun."""

    sequence: TextSequence
    answer: Answer
    caller: str
    prepared: Prepared
    handle: int | None = None
    markup: Markup | CallsAlone | None = None


class TextRunner:
    """Takes a model over. Made on any thread, closed on any but the loop's."""

    def __init__(
        self,
        model: TextModel,
        settings: ModelSettings,
        name: str,
        loop: asyncio.AbstractEventLoop,
        *,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._model = model
        self._name = name
        self._silence_s = silence_s
        self._explain = settings.explain
        self._preparation = Preparation(model, settings.text, name)
        self._line: FairLine[Writing] = FairLine(model.at_once, settings.max_queue, name)
        self._running: dict[int, Writing] = {}
        self._pool = ThreadPoolExecutor(PREPARING_THREADS, thread_name_prefix=f"prompts-{name}")
        self._explainer = TextExplainer(model, name, settings.explain, lambda: bool(self._running))
        self._finished = 0
        self._cancelled = 0  # texts that nobody waited for any more
        self._failed = 0
        self._prompt_tokens = 0
        self._tokens = 0

        def deliver(emissions: Sequence[Emission]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver, emissions)

        model.start(deliver)

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The texts, whole, or tokens, to be awaited."""
        if isinstance(request, TokenizeRequest):
            own = self._model.tokenizer
            return tokenized(
                self._pool,
                lambda text, special: own.encode(text, special=special),
                request,
                handle.version,
                call,
            )
        return self._whole(handle, request, call)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The texts in pieces."""
        as_tensors = isinstance(request, TensorRequest)
        prepared = await self._prepare(self._as_texts(request))
        if as_tensors and prepared.count > 1:
            raise invalid(f"a stream continues one prompt, and the request holds {prepared.count}")
        writings, answer = self._begin(prepared, call)
        began_ns = perf_counter_ns()
        try:
            scorer = PieceScorer(self._model, [each.sequence for each in writings], prepared, self._pool)
            if prepared.shown:
                yield Chunk(version=handle.version, pieces=await scorer.echoed(echoed(prepared)))
            while (pieces := await answer.next()) is not None:
                pieces = await scorer.scored(pieces)
                now_ns = perf_counter_ns()
                if as_tensors:
                    if text := [piece.text for piece in pieces if piece.text]:
                        yield Chunk(text_tensor(["".join(text)]), Run(now_ns - began_ns), handle.version)
                else:
                    usage = None if answer.open else usage_of(writings)
                    yield Chunk(
                        run=Run(now_ns - began_ns), version=handle.version, pieces=pieces, usage=usage
                    )
                began_ns = now_ns
        finally:
            call.cancelled = True
            self._end(writings, answer)

    def occupancy(self) -> Occupancy:
        """How busy the model is."""
        at_once = self._model.at_once
        return Occupancy(at_once, len(self._running), at_once)

    def texts(self) -> TextCounts:
        """How many texts there are, and what became of those there were."""
        return TextCounts(
            self._model.at_once,
            len(self._running),
            self._line.waiting,
            self._finished,
            self._cancelled,
            self._failed,
            self._prompt_tokens,
            self._tokens,
        )

    def close(self) -> None:
        """End what is under way and close the model; it blocks."""
        self._pool.shutdown(wait=True)
        self._explainer.close()
        self._model.close()

    async def _whole(self, handle: Handle, request: CoreRequest, call: CallContext) -> CoreResponse:
        asked = self._as_texts(request)
        prepared = await self._prepare(asked)
        if prepared.asked.explained:
            check_prompts(prepared.prompts, self._explain, self._name)
        writings, answer = self._begin(prepared, call)
        began_ns = perf_counter_ns()
        pieces: list[Piece] = []
        try:
            if prepared.shown:
                pieces += echoed(prepared)
            while (more := await answer.next()) is not None:
                pieces += more
        finally:
            self._end(writings, answer)
        texts = sorted(joined(pieces), key=lambda piece: piece.choice)
        if needs_scoring(prepared.asked):
            texts = await self._scored(writings, texts)
        explanations: Sequence[TextExplanation] = ()
        if prepared.asked.explained:
            step = prepared.asked.texts  # the first of each prompt is explained
            firsts = [writing.sequence for writing in writings[::step]]
            pairs = list(zip(firsts, texts[::step], strict=True))
            explanations = await self._explainer.explain(pairs, prepared.shown, call)
        run = Run(perf_counter_ns() - began_ns)
        if isinstance(request, TensorRequest):
            return text_response([text.text for text in texts], handle.version, run)
        return TextResponse(texts, usage_of(writings), handle.version, run, explanations)

    async def _scored(self, writings: Sequence[Writing], texts: Sequence[Piece]) -> list[Piece]:
        """The texts with all that is asked of their tokens."""
        loop = asyncio.get_running_loop()
        scored = []
        for writing, text in zip(writings, texts, strict=True):
            asked = writing.prepared.asked
            score = partial(scored_text, self._model, writing.sequence, text, asked)
            scored.append(await loop.run_in_executor(self._pool, score))
        return scored

    def _as_texts(self, request: CoreRequest) -> GenerateRequest | ChatRequest:
        """The request for texts that this is.

        Errors: UNIMPLEMENTED for any other kind.
        """
        if isinstance(request, TensorRequest):
            return generate_request(request)
        if isinstance(request, GenerateRequest | ChatRequest):
            return request
        kind = KIND_OF[type(request)].value
        raise DragomanError(Code.UNIMPLEMENTED, f"model {self._name} writes text, and takes no {kind}")

    async def _prepare(self, request: GenerateRequest | ChatRequest) -> Prepared:
        count = request.asked.texts * (len(request.prompts) if isinstance(request, GenerateRequest) else 1)
        self._line.check(count)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._preparation.prepare, request)
        except asyncio.CancelledError:
            self._cancelled += count
            raise

    def _begin(self, prepared: Prepared, call: CallContext) -> tuple[list[Writing], Answer]:
        """Put a request's texts in line.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL.
        """
        self._line.check(prepared.count)
        asked = prepared.asked
        tokenizer = self._model.tokenizer
        table = tokenizer.table(special=asked.shows_special)
        decode = partial(tokenizer.decode, special=asked.shows_special)
        answer = Answer(prepared.count, call.deadline_s, self._silence_s)
        caller = call.principal or call.peer
        writings = [
            Writing(
                TextSequence(
                    place * asked.texts + number,
                    prompt,
                    asked,
                    Detokenizer(decode) if table is None else ByteDetokenizer(table),
                    self._model.ends,
                ),
                answer,
                caller,
                prepared,
                markup=prepared.markup(),
            )
            for place, prompt in enumerate(prepared.prompts)
            for number in range(asked.texts)
        ]
        self._line.enter(caller, writings)
        self._admit()
        return writings, answer

    def _admit(self) -> None:
        """Begin as many of those that wait as there are places."""
        while (writing := self._line.next()) is not None:
            asked, sequence = writing.prepared.asked, writing.sequence
            seed = asked.sampling.seed
            if seed is not None:
                seed += sequence.choice % asked.texts
            sampling = replace(asked.sampling, seed=seed, scored=asked.alternatives is not None)
            try:
                writing.handle = self._model.submit(sequence.prompt, sampling)
            except Exception as error:  # the engine's own, which the gateway words
                self._line.give()
                self._failed += 1
                writing.answer.fail(renamed(error, asked.names))
                continue
            self._prompt_tokens += len(sequence.prompt)
            self._running[writing.handle] = writing

    def _deliver(self, emissions: Sequence[Emission]) -> None:
        """Take what a step gave."""
        for emission in emissions:
            writing = self._running.get(emission.handle)
            if writing is None:
                continue
            if emission.error is not None:
                self._leave(writing)
                self._failed += 1
                writing.answer.fail(emission.error)
                continue
            self._tokens += len(emission.ids)
            piece = writing.sequence.take(emission)
            if piece is None:
                continue
            if piece.finish is not None:
                if emission.finish is None:
                    self._model.cancel(emission.handle)
                self._leave(writing)
                self._finished += 1
            if writing.markup is not None:
                piece = writing.markup.read(piece)
            writing.answer.put(piece)
        self._admit()

    def _leave(self, writing: Writing) -> None:
        """A text has no place any more."""
        if writing.handle is not None and self._running.pop(writing.handle, None) is not None:
            self._line.give()

    def _end(self, writings: Sequence[Writing], answer: Answer) -> None:
        """The request is over; what of it is not written is not written on."""
        answer.close()
        for writing in writings:
            if writing.sequence.done:
                continue
            if writing.handle is None:
                self._cancelled += self._line.leave(writing.caller, writing)
            elif writing.handle in self._running:
                self._model.cancel(writing.handle)
                self._leave(writing)
                self._cancelled += 1
        self._admit()


def renamed(error: Exception, names: Mapping[str, str]) -> Exception:
    """The error in the words of a caller who calls the field otherwise."""
    field = error.param if isinstance(error, DragomanError) else None
    if not isinstance(error, DragomanError) or field is None or field not in names:
        return error
    name = names[field]
    message = error.message.replace(field, name)
    return DragomanError(error.code, message, reason=error.reason, param=name)


def echoed(prepared: Prepared) -> list[Piece]:
    """The prompts as the first pieces of their texts."""
    texts = prepared.asked.texts
    return [
        Piece(place * texts + number, shown)
        for place, shown in enumerate(prepared.shown)
        for number in range(texts)
    ]


def usage_of(writings: Sequence[Writing]) -> Usage:
    """The tokens of all texts, and of each prompt once."""
    prompts = writings[0].prepared.prompts
    return Usage(sum(map(len, prompts)), sum(writing.sequence.written for writing in writings))

"""Texts as TorchServe's handlers stream them: each part is a chunk, and says nothing but the text."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import TextTraits
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Run
from dragoman.core.text_signature import text_signature
from dragoman.execution.text.tensors import text_response, text_tensor
from dragoman.repository.handle import Handle
from tests.unit.protocols.torchserve.scene import Served

PARTS: Final = (" gam", "ma é", "🙂\n")
DIALECTS: Final = ("torchserve", "superset")
BROKEN: Final = "!"


class Writing:
    """Writes these parts for every prompt, and fails at one that is `BROKEN`."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = parts
        self.asked: list[TensorRequest] = []

    async def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse:
        assert isinstance(request, TensorRequest)
        self.asked.append(request)
        prompts = request.inputs["text_input"].array.size
        return text_response(["".join(self.parts)] * prompts, handle.version, Run())

    async def stream(
        self, handle: Handle, request: CoreRequest, _: Signature, __: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request, TensorRequest)
        self.asked.append(request)
        for part in self.parts:
            if part == BROKEN:
                raise DragomanError(Code.INTERNAL, "the step loop has ended")
            yield Chunk(text_tensor([part]), version=handle.version)


class Desk:
    """A listener with one model, which writes text."""

    def __init__(self, dialect: str, parts: Sequence[str] = PARTS) -> None:
        self.writing = Writing(parts)
        signature = text_signature(TextTraits("scripted", 64))
        handle = Handle("w", 1, {"serving_default": signature}, self.writing, "1.0")
        self.served = Served(dialect=dialect)
        self.served.models.handles = {"w": handle}


@pytest.fixture(params=DIALECTS)
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(request.param)


def test_a_text_is_streamed_as_it_is_part_by_part(desk: Desk) -> None:
    answer = desk.served.ask("POST", "/predictions/w", '{"prompt": "a", "stream": true}')
    assert answer.status == 200
    assert answer.chunks == [*(part.encode() for part in PARTS), b""]
    assert answer.headers["ts_stream_next"] == "true"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("fields", ["", ', "stream": false', ', "stream": null'])
def test_a_text_is_one_json_text_unless_a_stream_is_asked_for(desk: Desk, fields: str) -> None:
    answer = desk.served.ask("POST", "/predictions/w", f'{{"prompt": "a"{fields}}}')
    assert (answer.status, answer.chunks) == (200, None)
    assert answer.body.decode() == '" gamma é🙂\\n"'


@pytest.mark.parametrize("wrapped", ["%s", '{"data": %s}', '{"body": %s}'])
@pytest.mark.parametrize("name", ["prompt", "text_input"])
def test_what_comes_with_a_prompt_are_parameters(desk: Desk, name: str, wrapped: str) -> None:
    body = wrapped % f'{{"{name}": "a", "max_new_tokens": 7, "temperature": 0.5, "stop": "x", "seed": null}}'
    assert desk.served.ask("POST", "/predictions/w", body).status == 200
    (request,) = desk.writing.asked
    assert request.inputs["text_input"].array.tolist() == [b"a"]
    assert request.parameters == {"max_tokens": 7, "temperature": 0.5, "stop": "x"}


def test_max_tokens_counts_more_than_its_other_name(desk: Desk) -> None:
    desk.served.ask("POST", "/predictions/w", '{"prompt": "a", "max_new_tokens": 7, "max_tokens": 3}')
    assert desk.writing.asked[0].parameters == {"max_tokens": 3}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"prompt": "a", "stream": 1}', "'stream' must be true or false, not 1"),
        ('{"prompt": {"a": 1}}', "'prompt' must be a text"),
        ('{"prompt": "a", "top_k": {"b": 1}}', "parameter 'top_k' must be a number, a text, true or false"),
    ],
)
def test_what_is_no_prompt_is_refused(desk: Desk, body: str, message: str) -> None:
    answer = desk.served.ask("POST", "/predictions/w", body)
    assert answer.status == 400
    assert message in answer.body.decode()
    assert not desk.writing.asked


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_fails_before_its_first_part_is_an_error(dialect: str) -> None:
    answer = Desk(dialect, [BROKEN]).served.ask("POST", "/predictions/w", '{"prompt": "a", "stream": true}')
    assert (answer.status, answer.chunks) == (500, None)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_fails_midway_breaks_off_without_a_last_chunk(dialect: str) -> None:
    desk = Desk(dialect, ["a", BROKEN])
    answer = desk.served.ask("POST", "/predictions/w", '{"prompt": "a", "stream": true}')
    assert (answer.status, answer.chunks, answer.open) == (200, [b"a"], False)

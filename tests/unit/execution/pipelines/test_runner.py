"""What a pipeline holds while it answers, and what becomes of it when its models change."""

import asyncio

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.images import ImageSpec
from dragoman.core.requests import ExampleRequest, Target, TensorRequest
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.pipelines.compose import Composer
from dragoman.repository.handle import Handle
from tests.unit.execution.pipelines.graphs import (
    Models,
    Unused,
    ask,
    call,
    composed,
    handle_of,
    pipeline,
    signature,
    spec,
    step,
    unary,
    values,
)
from tests.unit.execution.pipelines.parts import Part, Waiting, handle

TWICE = [step("first", model="a"), step("second", "first.y", model="a")]
CHAIN = [step("a"), step("b", "a.y")]
REQUEST = ask(**{"in": [1]})


def run(made: Handle, request=REQUEST):
    return made.runner.run(made, request, made.signatures["serving_default"], call())


def refusal(made: Handle) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        run(made)
    return caught.value


def test_a_request_sees_one_version_of_each_model_from_its_start_to_its_end():
    async def story() -> None:
        old, new = Waiting(lambda x: x + 1), Waiting(lambda x: x + 100)
        models = Models(a=handle(old, 1))
        made = handle_of(composed(pipeline(TWICE, {"out": "second.y"}), models))
        answer = run(made)
        replaced = models.handles["a"]
        models.handles["a"] = handle(new, 2)
        old.give()
        old.give()
        assert values(await answer) == {"out": [3]}
        assert (len(new.asked), replaced.pins) == (0, 0)
        later = run(made)
        new.give()
        new.give()
        assert values(await later) == {"out": [201]}

    asyncio.run(story())


def test_a_model_is_held_once_however_many_nodes_call_it():
    async def story() -> None:
        part = Waiting()
        models = Models(a=handle(part))
        made = handle_of(composed(pipeline(TWICE, {"out": "second.y"}), models))
        answer = run(made)
        assert models.pins == {"a": 1}
        part.give()
        assert models.pins == {"a": 1}
        part.give()
        await answer
        assert models.pins == {"a": 0}

    asyncio.run(story())


def test_versions_that_nodes_name_are_models_of_their_own():
    versions = {1: handle(Part(lambda x: x + 1), 1), 2: handle(Part(lambda x: x * 10), 2)}

    class Versioned(Models):
        def pin(self, target: Target) -> Handle:
            found = versions[target.version or 2]
            found.hold()
            return found

    models = Versioned(a=versions[1])
    nodes = [step("first", model="a", version=1), step("second", "first.y", model="a", version=2)]
    made = handle_of(composed(pipeline(nodes, {"out": "second.y"}), models))
    assert values(run(made)) == {"out": [20]}
    assert [one.pins for one in versions.values()] == [0, 0]


def test_a_model_that_does_not_serve_makes_the_pipeline_unavailable_and_leaves_nothing_held():
    models = Models(a=handle(Part()), b=handle(Part()))
    made = handle_of(composed(pipeline(CHAIN, {"out": "b.y"}), models))
    pin = models.pin

    def gone(target: Target) -> Handle:
        if target.model == "b":
            raise DragomanError(Code.NOT_FOUND, "there is no model 'b'", reason=Reason.MODEL_UNKNOWN)
        return pin(target)

    made = handle_of(Composer(Unused(), gone)(models.candidate(pipeline(CHAIN, {"out": "b.y"}))))
    error = refusal(made)
    assert (error.code, error.reason) == (Code.UNAVAILABLE, Reason.PIPELINE_NOT_READY)
    assert error.message == "node \"b\": there is no model 'b'"
    assert (models.pins, made.pins) == ({"a": 0, "b": 0}, 0)


def test_another_version_that_looks_the_same_takes_over_from_the_next_request_on():
    models = Models(a=handle(Part(lambda x: x + 1), 1), b=handle(Part()))
    made = handle_of(composed(pipeline(CHAIN, {"out": "b.y"}), models))
    assert values(run(made)) == {"out": [4]}
    models.handles["a"] = handle(Part(lambda x: x + 2), 2)
    assert values(run(made)) == {"out": [6]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (unary((None, None)),
         'Invalid input shape - node "b", input "x": a.y is float32 (?, ?), float32 (?,) is expected'),
        (signature([spec("x", dtype=DType.INT32)], [spec("y")]), "its models have changed just now"),
        (signature([spec("z")], [spec("y")]),
         'Pipeline definition has connection to non existing model input - node "a": there is no input "x"; '
         "the model takes z"),
    ],
)  # fmt: skip
def test_a_version_that_changes_what_callers_see_is_not_called_before_the_pipeline_is_made_anew(
    changed, message
):
    models = Models(a=handle(Part()), b=handle(Part()))
    made = handle_of(composed(pipeline(CHAIN, {"out": "b.y"}), models))
    run(made)
    part = Part(lambda x: x, changed)
    models.handles["a"] = handle(part, 2)
    error = refusal(made)
    assert (error.code, error.reason, error.message) == (Code.UNAVAILABLE, Reason.PIPELINE_NOT_READY, message)
    assert part.requests == []
    assert (models.pins, made.pins) == ({"a": 0, "b": 0}, 0)


def test_a_signature_that_a_node_names_is_the_one_that_is_called():
    inverse = signature([spec("x")], [spec("y")])
    models = Models(a=Handle("a", 1, {"one": unary(), "other": inverse}, Part()))
    nodes = [step("a", signature="other")]
    made = handle_of(composed(pipeline(nodes, {"out": "a.y"}), models))
    assert values(run(made)) == {"out": [2]}


def test_examples_are_not_for_pipelines():
    made = handle_of(composed(pipeline([step("a")], {"out": "a.y"}), Models(a=handle(Part()))))
    with pytest.raises(DragomanError) as caught:
        run(made, ExampleRequest("serving_default", []))
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_stream_is_the_answer_as_one_part():
    async def story() -> None:
        part = Waiting()
        models = Models(a=handle(part))
        made = handle_of(composed(pipeline(TWICE, {"out": "second.y"}), models))
        stream = made.runner.stream(made, REQUEST, made.signatures["serving_default"], call())
        reader = asyncio.ensure_future(anext(stream))
        for _ in range(2):
            await asyncio.sleep(0)
            part.give()
        chunk = await reader
        assert chunk.outputs["out"].array.tolist() == [4]
        assert [one async for one in stream] == []
        assert models.pins == {"a": 0}

    asyncio.run(story())


FILES = np.array([b"first", b"second"], np.object_)


def seeing(part: Part) -> Handle:
    """A part that takes encoded images."""
    image = ImageSpec(DType.FP32, None, 8, 8, 3)
    part.signature = signature([spec("x", (None, 8, 8, 3), image=image)], [spec("y", None)])
    return handle(part)


@pytest.mark.parametrize(
    ("more", "given", "asked"),
    [
        ({}, FILES, [[b"first", b"second"]]),
        ({}, FILES[0, ...], [[b"first"]]),
        ({"demultiply": 2}, FILES, [b"first", b"second"]),
        ({"demultiply": "dynamic"}, FILES.reshape(2, 1), [[b"first"], [b"second"]]),
        ({"demultiply": "dynamic"}, FILES[0, ...], [b"first"]),
    ],
)
def test_encoded_images_go_to_the_models_that_decode_them(more, given, asked):
    async def story() -> None:
        part = Part(lambda x: np.ones(1, np.float32))
        made = handle_of(composed(pipeline([step("a")], {"out": "a.y"}, **more), Models(a=seeing(part))))
        run(made, TensorRequest("serving_default", {"in": Tensor(DType.BYTES, given)}))
        assert [request.inputs["x"].array.tolist() for request in part.requests] == asked

    asyncio.run(story())


def test_texts_are_for_no_model_that_takes_none():
    made = handle_of(composed(pipeline([step("a")], {"out": "a.y"}), Models(a=handle(Part()))))
    with pytest.raises(DragomanError, match="bytes given, float32 expected"):
        run(made, TensorRequest("serving_default", {"in": Tensor(DType.BYTES, FILES)}))

"""ModelInfer: requests in both forms, answers in the form that fits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import NUMPY, DType, Tensor
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.operation import GrpcForm
from tests.unit.protocols.kserve_v2.grpc_calls import (
    FIELDS,
    INFER,
    INVALID_ARGUMENT,
    LIMITS,
    NOT_FOUND,
    answer_of,
    array,
    bound,
    call,
    explicit_outputs,
    operations,
    raw_outputs,
    refused,
    request,
    wire,
)
from tests.unit.protocols.tfs.reference import echo_signature

ECHO = {dtype: f"echo_{'string' if dtype is DType.BYTES else dtype.value}" for dtype in DType}


def values_of(dtype: DType, shape: tuple[int, ...]) -> Any:
    """Arrays with every kind of value: extremes, NaN, empty texts."""
    if dtype is DType.BYTES:
        return st.lists(
            st.binary(max_size=5), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))
        ).map(lambda found: objects(found, shape))
    bits = np.dtype(f"u{NUMPY[dtype].itemsize}")
    top = 1 if dtype is DType.BOOL else None
    elements = st.integers(0, top) if top else arrays.from_dtype(bits)
    return arrays.arrays(bits, shape, elements=elements).map(lambda found: found.view(NUMPY[dtype]))


def objects(found: list[bytes], shape: tuple[int, ...]) -> Any:
    made = np.empty(len(found), np.object_)
    made[:] = found
    return made.reshape(shape)


def same(first: Any, second: Any) -> bool:
    if first.dtype == np.object_:
        return bool(first.shape == second.shape and (first == second).all())
    return bool(first.dtype == second.dtype and first.tobytes() == second.tobytes())


SHAPES = st.sampled_from([(), (0,), (3,), (2, 3), (2, 0, 2), (1, 1, 1, 1)])


@given(st.data())
@pytest.mark.parametrize("dtype", list(DType), ids=lambda dtype: dtype.value)
def test_raw_tensors_come_back_bit_for_bit(dtype: DType, data: st.DataObject) -> None:
    sent = data.draw(SHAPES.flatmap(lambda shape: values_of(dtype, shape)))
    answer = answer_of(call(request(ECHO[dtype], x=sent)))
    assert (answer.outputs[0].datatype, answer.outputs[0].HasField("contents")) == (DATATYPES[dtype], False)
    assert same(raw_outputs(answer)["y"], sent)


@given(st.data())
@pytest.mark.parametrize("dtype", list(FIELDS), ids=lambda dtype: dtype.value)
def test_numbers_come_back_as_numbers_and_as_raw_bytes(dtype: DType, data: st.DataObject) -> None:
    sent = data.draw(SHAPES.flatmap(lambda shape: values_of(dtype, shape)))
    answer = answer_of(call(request(ECHO[dtype], raw=False, x=sent)))
    nan = dtype.is_float  # which Python's floats, in the message, do not keep bit for bit
    for got in (raw_outputs(answer)["y"], explicit_outputs(answer)["y"]):
        assert np.array_equal(got, sent, equal_nan=True) if nan else same(got, sent)


def test_a_large_raw_tensor_is_not_copied() -> None:
    sent = np.arange(4096, dtype=np.float32)
    found = bound(request(x=sent), echo_signature(DType.FP32)).inputs["x"].array
    assert not found.flags.owndata
    assert np.array_equal(found, sent)


def test_an_answer_names_the_model_the_version_and_the_id() -> None:
    message = request("half_plus_two", x=array([1.0, 2.0]))
    message.id = "é"
    answer = answer_of(call(message))
    assert (answer.model_name, answer.model_version, answer.id) == ("half_plus_two", "2", "é")
    assert raw_outputs(answer)["y"].tolist() == [3.5, 4.0]
    assert not answer.parameters


@pytest.mark.parametrize("version", ["1", "01"])
def test_a_version_is_chosen(version: str) -> None:
    message = request("half_plus_two", x=array([1.0]))
    message.model_version = version
    answer = answer_of(call(message))
    assert (answer.model_version, answer.id) == ("1", "")
    assert raw_outputs(answer)["y"].tolist() == [2.5]


@pytest.mark.parametrize("version", ["9", "-1", "x", "1.0", "9" * 40])
def test_a_version_that_is_not_there_is_named_as_it_was_asked_for(version: str) -> None:
    message = request("half_plus_two", x=array([1.0]))
    message.model_version = version
    told = f"Request for unknown model: 'half_plus_two' version {version} is not found"
    assert refused(message) == (NOT_FOUND, told)


@pytest.mark.parametrize("name", ["nope", ""])
def test_an_unknown_model_is_told_before_anything_of_its_tensors(name: str) -> None:
    message = request(name)
    message.inputs.add(name="x", datatype="NOPE", shape=[-1])
    assert refused(message) == (NOT_FOUND, f"Request for unknown model: '{name}' is not found")


def test_outputs_come_as_they_are_asked_for() -> None:
    x = array([[3.0, 1.0]])
    assert list(raw_outputs(answer_of(call(request("two_out", x=x))))) == ["sum", "diff"]
    chosen = raw_outputs(answer_of(call(request("two_out", x=x, outputs=["diff", "sum"]))))
    assert {name: found.tolist() for name, found in chosen.items()} == {"diff": [2.0], "sum": [4.0]}
    assert list(chosen) == ["diff", "sum"]
    assert list(raw_outputs(answer_of(call(request("two_out", x=x, outputs=["diff"]))))) == ["diff"]


@pytest.mark.parametrize(("outputs", "told"), [
    (["nope"], "unexpected inference output 'nope' for model 'two_out'"),
    (["sum", "sum"], "output 'sum' already exists in request"),
    ([("sum", {"classification": 0})],
     "invalid value for 'classification' parameter, expected 1 to 2147483647"),
    ([("sum", {"classification": 2**31})],
     "invalid value for 'classification' parameter, expected 1 to 2147483647"),
    ([("sum", {"classification": "2"})],
     "invalid value type for 'classification' parameter, expected int64_param"),
    ([("sum", {"classification": True})],
     "invalid value type for 'classification' parameter, expected int64_param"),
])  # fmt: skip
def test_outputs_that_cannot_be_asked_for_are_named(outputs: Any, told: str) -> None:
    assert refused(request("two_out", x=array([[1.0, 2.0]]), outputs=outputs)) == (INVALID_ARGUMENT, told)


@pytest.mark.parametrize("raw", [True, False])
def test_the_highest_values_of_an_output_are_given_as_texts(raw: bool) -> None:
    x = array([[0.5, 2.5, 1.5]])
    answer = answer_of(call(request(raw=raw, x=x, outputs=[("y", {"classification": 2})])))
    assert (answer.outputs[0].datatype, list(answer.outputs[0].shape)) == ("BYTES", [1, 2])
    assert raw_outputs(answer)["y"].tolist() == [[b"2.500000:1", b"1.500000:2"]]
    assert list(answer.outputs[0].contents.bytes_contents) == ([] if raw else [b"2.500000:1", b"1.500000:2"])


def test_what_has_no_order_is_not_classified() -> None:
    message = request("echo_float16", x=array([1.0], "FP16"), outputs=[("y", {"classification": 1})])
    assert refused(message)[0] == INVALID_ARGUMENT


class TestForms:
    """What the listener's setting makes of answers to requests whose tensors are numbers."""

    @pytest.mark.parametrize(("reply", "raw", "explicit"), [
        ("both", True, True), ("raw", True, False), ("contents", False, True)
    ])  # fmt: skip
    def test_numbers_are_answered_as_it_says(self, reply: Any, raw: bool, explicit: bool) -> None:
        form = GrpcForm(explicit_reply=reply)
        answer = answer_of(call(request(raw=False, x=array([1.5])), form=form))
        assert [bytes(each) for each in answer.raw_output_contents] == ([b"\0\0\xc0?"] if raw else [])
        assert list(answer.outputs[0].contents.fp32_contents) == ([1.5] if explicit else [])

    @pytest.mark.parametrize("reply", ["both", "raw", "contents"])
    def test_raw_bytes_are_answered_raw(self, reply: Any) -> None:
        answer = answer_of(call(request(x=array([1.5])), form=GrpcForm(explicit_reply=reply)))
        assert len(answer.raw_output_contents) == 1
        assert not answer.outputs[0].HasField("contents")

    @pytest.mark.parametrize("reply", ["both", "contents"])
    def test_a_type_without_a_field_makes_all_outputs_raw(self, reply: Any) -> None:
        answer = self.answered(reply, half=array([2.0], "FP16"), whole=array([3.0]))
        assert {name: found.tolist() for name, found in raw_outputs(answer).items()} == {
            "half": [2.0], "whole": [3.0]
        }  # fmt: skip
        assert not any(output.HasField("contents") for output in answer.outputs)

    def test_a_large_tensor_makes_all_outputs_raw(self) -> None:
        answer = self.answered("both", large=np.zeros(2**18 + 1, np.float32), small=array([3.0]))
        assert list(raw_outputs(answer)) == ["large", "small"]
        assert not any(output.HasField("contents") for output in answer.outputs)

    def test_an_empty_tensor_beside_another_makes_all_outputs_numbers(self) -> None:
        answer = self.answered("both", empty=array([]), full=array([3.0]))
        assert {name: found.tolist() for name, found in explicit_outputs(answer).items()} == {
            "empty": [], "full": [3.0]
        }  # fmt: skip
        assert not answer.raw_output_contents

    def test_empty_tensors_come_in_both_forms(self) -> None:
        answer = self.answered("both", first=array([]), second=array([]))
        assert list(answer.raw_output_contents) == [b"", b""]

    def answered(self, reply: Any, **outputs: Any) -> Any:
        """The answer of a model with these outputs to a request whose tensors are numbers."""
        infer = operations(GrpcForm(explicit_reply=reply))[INFER]
        draft = infer.parse(wire(request(raw=False, x=array([1.0]))), LIMITS)
        dtypes = {np.dtype(kind): dtype for dtype, kind in NUMPY.items()}
        tensors = {name: Tensor(dtypes[found.dtype], found) for name, found in outputs.items()}
        return answer_of(infer.encode(draft, TensorResponse(tensors, 1)))

    def test_a_tensor_above_a_mebibyte_is_not_sent_twice(self) -> None:
        for size, explicit in ((1024, True), (1025, False)):
            sent = np.zeros((size, 256), np.float32)
            answer = answer_of(call(request(raw=False, x=sent)))
            assert answer.outputs[0].HasField("contents") is explicit
            assert len(answer.raw_output_contents[0]) == size * 1024
        contents = GrpcForm(explicit_reply="contents")
        answer = answer_of(call(request(raw=False, x=sent), form=contents))
        assert len(answer.outputs[0].contents.fp32_contents) == sent.size
        assert not answer.raw_output_contents

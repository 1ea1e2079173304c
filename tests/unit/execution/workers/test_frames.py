"""The messages between server and worker."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.context import CallContext
from dragoman.core.errors import Code
from dragoman.core.requests import Kind
from dragoman.core.signatures import FeatureSpec, Method, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.engines.base import Artifact
from dragoman.execution.workers.frames import (
    FROM_WORKER,
    MOST_BYTES,
    PREFIX,
    TO_WORKER,
    Cancel,
    Close,
    End,
    Failed,
    FromWorker,
    GarbledError,
    Infer,
    Load,
    More,
    Part,
    Ready,
    Record,
    Refused,
    Result,
    Splitter,
    ToWorker,
    decode,
    encode,
)
from dragoman.settings.model import ModelSettings, SignatureSettings, WorkerSettings

SIGNATURE = Signature(
    "classify",
    {"x": TensorSpec("x", DType.BF16, (None, 3), "x", "NHWC"), "y": TensorSpec("y", DType.BYTES, None, "z")},
    {"c": TensorSpec("c", DType.FP64, (), "c")},
    method=Method.CLASSIFY,
    accepts=frozenset({Kind.EXAMPLES}),
    features={"age": FeatureSpec("age", DType.INT64, (2,), "x", default=[1, 2])},
    classes=("a", "b"),
)
SETTINGS = ModelSettings(
    instances=3,
    worker=WorkerSettings(memory_bytes=5),
    signatures={"s": SignatureSettings(inputs={"a": "b"})},
)
PARTS = [Part("x", DType.UINT8, (2,), 2, b"ab"), Part("y", DType.BF16, (0, 3), 0, None, 64)]
TO: list[ToWorker] = [
    Load("module:Name", Artifact("/m/model.py", "m", 3, SETTINGS), {"threshold": 0.5, "names": ["a", None]}),
    Infer(
        1,
        "serving_default",
        PARTS,
        ["c"],
        CallContext("id", 12.5, "me", "00-ab", cancelled=True),
        stream=True,
    ),
    More(2),
    Cancel(3),
    Close(),
]
FROM: list[FromWorker] = [
    Ready({"classify": SIGNATURE}, 4),
    Failed(Code.INVALID_ARGUMENT, "no"),
    Result(0, PARTS, more=True),
    End(15),
    Refused(1, Code.INTERNAL, "né"),
    Record("info", "event", {"a": "b"}),
]


def named(frame: object) -> str:
    return type(frame).__name__


@pytest.mark.parametrize("frame", TO, ids=named)
def test_what_the_server_says_comes_through(frame: ToWorker) -> None:
    assert decode(encode(frame)[PREFIX:], TO_WORKER) == frame


@pytest.mark.parametrize("frame", FROM, ids=named)
def test_what_a_worker_says_comes_through(frame: FromWorker) -> None:
    assert decode(encode(frame)[PREFIX:], FROM_WORKER) == frame


@pytest.mark.parametrize("frame", FROM, ids=named)
def test_no_truncated_message_is_read(frame: FromWorker) -> None:
    body = encode(frame)[PREFIX:]
    for length in range(len(body)):
        with pytest.raises(GarbledError):
            decode(body[:length], FROM_WORKER)


@given(st.binary(max_size=200))
def test_garbage_is_never_anything_but_garbled(body: bytes) -> None:
    with pytest.raises(GarbledError):
        decode(body, FROM_WORKER)


def test_lists_in_lists_without_end_are_garbled() -> None:
    with pytest.raises(GarbledError):
        decode(b"\x91" * 1_000_000, FROM_WORKER)


@pytest.mark.parametrize("slot", [-1, 2**64 - 1, "0", None])
def test_a_slot_is_a_number_from_zero_on(slot: object) -> None:
    body = encode(Result(slot, []))[PREFIX:]  # type: ignore[arg-type]
    if slot == 2**64 - 1:
        assert decode(body, FROM_WORKER) == Result(2**64 - 1, [])  # whoever looks the slot up refuses it
    else:
        with pytest.raises(GarbledError):
            decode(body, FROM_WORKER)


@given(st.lists(st.integers(1, 40)), st.randoms(use_true_random=False))
def test_frames_are_found_however_the_bytes_come(sizes: list[int], chance: Random) -> None:
    sent = [Refused(0, Code.INTERNAL, "m" * size) for size in sizes]
    data = b"".join(encode(frame) for frame in sent)
    splitter = Splitter()
    got = []
    while data:
        size = chance.randint(1, 60)
        splitter.feed(data[:size])
        data = data[size:]
        while (body := splitter.take()) is not None:
            got.append(decode(body, FROM_WORKER))
    assert got == sent


def test_a_frame_that_announces_too_much_is_refused_before_it_comes() -> None:
    splitter = Splitter()
    splitter.feed((MOST_BYTES + 1).to_bytes(4, "little"))
    with pytest.raises(GarbledError, match="are allowed"):
        splitter.take()


def test_a_frame_that_would_be_too_long_is_not_made() -> None:
    with pytest.raises(GarbledError, match="are allowed"):
        encode(Refused(0, Code.INTERNAL, "m" * MOST_BYTES))

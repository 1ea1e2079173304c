"""Frames, however the bytes are cut."""

from itertools import pairwise
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dragoman.transports.grpc.http2.errors import ConnectionFault
from dragoman.transports.grpc.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    WITH_PRIORITY,
    frame,
    settings,
    window_update,
)
from dragoman.transports.grpc.http2.reader import DIRECT_BYTES, FrameReader

MOST: Final = 2**20
UNKNOWN: Final = 0x42


class Taken:
    """What came of one stream."""

    def __init__(self, told: list[object], direct: bool) -> None:
        self._told = told
        self._direct = direct
        self.room = bytearray(2 * DIRECT_BYTES)

    def received(self, piece: memoryview, *, ends: bool) -> None:
        self._tell(bytes(piece), ends)

    def space(self) -> memoryview | None:
        return memoryview(self.room) if self._direct else None

    def filled(self, count: int, *, ends: bool) -> None:
        self._tell(bytes(self.room[:count]), ends)

    def end(self) -> None:
        self._tell(b"", True)

    def _tell(self, piece: bytes, ends: bool) -> None:
        """Pieces of one frame are one, whatever they were cut into."""
        last = self._told[-1] if self._told else None
        if isinstance(last, list) and not last[1]:
            last[0] += piece
            last[1] = ends
        else:
            self._told.append([piece, ends])


class Told:
    """What came of one connection."""

    def __init__(self, direct: bool = False) -> None:
        self.told: list[object] = []
        self._direct = direct

    def begin(self) -> None:
        assert self.told == []

    def headers(self, stream: int, block: bytes, *, ends: bool) -> None:
        self.told.append(("headers", stream, block, ends))

    def data(self, stream: int, size: int, *, ends: bool) -> Taken | None:
        self.told.append(("data", stream, size, ends))
        return Taken(self.told, self._direct) if stream != 9 else None

    def control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.told.append((kind, flags, stream, payload))

    def ignored(self) -> None:
        self.told.append("ignored")


SENT: Final = PREFACE + b"".join((
    settings({4: 100}),
    frame(HEADERS, END_HEADERS, 1, b"block"),
    frame(DATA, 0, 1, b"first"),
    frame(DATA, END_STREAM, 1, b"last"),
    frame(HEADERS, PADDED | WITH_PRIORITY, 3, b"\x02" + bytes(5) + b"in three" + b"\0\0"),
    frame(CONTINUATION, 0, 3, b" parts"),
    frame(CONTINUATION, END_HEADERS, 3, b"!"),
    frame(UNKNOWN, 0xFF, 7, b"of no matter"),
    frame(DATA, PADDED, 3, b"\x03abc\0\0\0"),
    frame(DATA, PADDED | END_STREAM, 3, b"\x02\0\0"),
    frame(DATA, END_STREAM, 5),
    frame(DATA, END_STREAM, 9, b"of nobody"),
    window_update(0, 5),
    frame(PRIORITY, 0, 3, bytes(5)),
    frame(HEADERS, END_HEADERS | END_STREAM, 11, b""),
    frame(PING, 0, 0, b"12345678"),
))  # fmt: skip
READ: Final = [
    (4, 0, 0, bytes.fromhex("000400000064")),
    ("headers", 1, b"block", False),
    ("data", 1, 5, False), [b"first", False],
    ("data", 1, 4, True), [b"last", True],
    ("headers", 3, b"in three parts!", False),
    "ignored",
    ("data", 3, 7, False), [b"abc", False],
    ("data", 3, 3, True), [b"", True],
    ("data", 5, 0, True), [b"", True],
    ("data", 9, 9, True),
    (8, 0, 0, bytes.fromhex("00000005")),
    (2, 0, 3, bytes(5)),
    ("headers", 11, b"", True),
    (6, 0, 0, b"12345678"),
]  # fmt: skip


def read(pieces: list[bytes], direct: bool = False) -> list[object]:
    sink = Told(direct)
    reader = FrameReader(sink, MOST, 1000)
    for piece in pieces:
        at = 0
        while at < len(piece):
            room = reader.space()
            if room is None:
                reader.feed(memoryview(piece)[at:], len(piece) - at)
                break
            count = min(len(room), len(piece) - at)
            room[:count] = piece[at : at + count]
            reader.filled(count)
            at += count
    return sink.told


def test_frames_that_come_at_once_are_read_in_their_order() -> None:
    assert read([SENT]) == READ


def test_frames_that_are_cut_anywhere_are_the_same() -> None:
    for at in range(1, len(SENT)):
        assert read([SENT[:at], SENT[at:]]) == READ


def test_frames_that_come_byte_by_byte_are_the_same() -> None:
    assert read([SENT[at : at + 1] for at in range(len(SENT))]) == READ


@given(st.lists(st.integers(1, len(SENT) - 1), max_size=20))
def test_frames_that_are_cut_into_any_pieces_are_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(set(cuts)), len(SENT)]
    assert read([SENT[a:b] for a, b in pairwise(edges)]) == READ


@given(st.lists(st.integers(1, 4 * DIRECT_BYTES), max_size=6))
def test_large_data_goes_where_it_belongs_however_it_is_cut(cuts: list[int]) -> None:
    body = bytes(range(256)) * (3 * DIRECT_BYTES // 256)
    sent = PREFACE + frame(DATA, END_STREAM, 1, body) + frame(PING, 0, 0, bytes(8))
    edges = [0, *sorted({cut for cut in cuts if cut < len(sent)}), len(sent)]
    found = read([sent[a:b] for a, b in pairwise(edges)], direct=True)
    assert found == [("data", 1, len(body), True), [body, True], (6, 0, 0, bytes(8))]


@given(st.binary(max_size=300), st.integers(1, 300))
def test_any_bytes_are_frames_or_a_fault(noise: bytes, cut: int) -> None:
    whole = PREFACE + noise
    try:
        once: object = read([whole])
    except ConnectionFault as fault:
        once = str(fault)
    try:
        twice: object = read([whole[:cut], whole[cut:]])
    except ConnectionFault as fault:
        twice = str(fault)
    assert once == twice

"""What workers print."""

import os

import pytest

from dragoman.execution.workers.output import BURST_LINES, LINE_BYTES, LINES_PER_S, OutputLines, forward


class Sink:
    """Collects lines; its clock stands until it is moved."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.now_s = 0.0
        self.lines = OutputLines(self.written.append, lambda: self.now_s)


def test_bytes_become_lines_however_they_come() -> None:
    sink = Sink()
    for byte in b"one\ntwo\r\n\nthr\xc3\xa9e":
        sink.lines.feed(bytes([byte]))
    sink.lines.end()
    assert sink.written == ["one", "two", "", "thrée"]


@pytest.mark.parametrize("step", [7, 1000, 10**6])
def test_a_long_line_is_cut_whichever_pieces_it_comes_in(step: int) -> None:
    sink = Sink()
    data = b"x" * 100_000 + b"\nnext\n"
    for start in range(0, len(data), step):
        sink.lines.feed(data[start : start + step])
    assert sink.written == ["x" * LINE_BYTES + "… (cut)", "next"]


def test_a_line_of_the_longest_length_is_whole() -> None:
    sink = Sink()
    sink.lines.feed(b"x" * LINE_BYTES + b"\n")
    assert sink.written == ["x" * LINE_BYTES]


def test_what_is_not_text_is_shown_all_the_same() -> None:
    sink = Sink()
    sink.lines.feed(b"\xff\x00\n")
    assert sink.written == ["\N{REPLACEMENT CHARACTER}\0"]


def test_too_many_lines_are_counted_and_the_count_is_told() -> None:
    sink = Sink()
    sink.lines.feed(b"a\n" * (BURST_LINES + 50))
    sink.lines.feed(b"b\n" * 50 + b"half")
    assert sink.written == ["a"] * BURST_LINES
    sink.now_s = 1.0
    sink.lines.feed(b" and half\n")
    assert sink.written[BURST_LINES:] == [
        f"(100 lines dropped: more than {LINES_PER_S:g} a second)",
        "half and half",
    ]


def test_the_count_is_told_at_the_end() -> None:
    sink = Sink()
    sink.lines.feed(b"a\n" * (BURST_LINES + 1))
    sink.lines.end()
    assert sink.written[-1].startswith("(1 lines dropped")


def test_a_silence_earns_no_more_than_one_burst() -> None:
    sink = Sink()
    sink.now_s = 1e9
    sink.lines.feed(b"a\n" * (2 * BURST_LINES))
    assert len(sink.written) == BURST_LINES


def test_a_pipe_is_read_to_its_end_and_closed() -> None:
    sink = Sink()
    reading, writing = os.pipe()
    thread = forward(reading, sink.lines, "output")
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"one\ntwo")
    thread.join(30)
    assert sink.written == ["one", "two"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)

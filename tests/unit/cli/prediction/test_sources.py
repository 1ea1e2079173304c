"""What the command line gives for a model's inputs."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.prediction import sources
from dragoman.cli.prediction.sources import Source, read_sources


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("x=[1, 2]", "x", "[1, 2]"),
        ("INPUT__0=1", "INPUT__0", "1"),
        ("x:0=a=b", "x:0", "a=b"),
        ("x=", "x", ""),
        ("[1, 2]", None, "[1, 2]"),
        ('"a=b"', None, '"a=b"'),
        ('{"a": "b=c"}', None, '{"a": "b=c"}'),
        ("-1", None, "-1"),
        ("a b=c", None, "a b=c"),
        ("x=line\nline", "x", "line\nline"),
    ],
)
def test_a_value_has_a_name_or_none(text: str, name: str | None, value: str) -> None:
    (source,) = read_sources([text], [])
    assert (source.name, source.data) == (name, value)


def test_a_value_may_be_a_file_s(tmp_path: Path) -> None:
    file = tmp_path / "a=b.bin"
    file.write_bytes(b"\xff")
    place = str(file)
    assert list(read_sources([f"x=@{file}", f"@{file}"], [place])) == [
        Source("x", b"\xff", place),
        Source(None, b"\xff", place),
        Source(None, b"\xff", place),
    ]


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(b"[1]")))
    assert list(read_sources([], ["-"])) == [Source(None, b"[1]", "standard input")]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(FailureError, match=f"{path} cannot be read: ") as caught:
            list(read_sources([], [str(path)]))
        assert caught.value.code is Exit.USAGE


def test_a_file_that_no_server_would_take_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 3)
    (tmp_path / "large").write_bytes(b"1234")
    with pytest.raises(FailureError, match="more than 3 bytes"):
        list(read_sources([], [str(tmp_path / "large")]))

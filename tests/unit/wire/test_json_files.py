import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.tensors import DType
from dragoman.wire import json_files
from dragoman.wire.elements import read_array
from dragoman.wire.json_files import FileBlock, read_files
from dragoman.wire.json_tree import load

DEPTH = 100


@pytest.fixture(autouse=True)
def small_bodies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "MIN_BYTES", 0)


def rows(*files: bytes) -> Any:
    return {"instances": [{"b64": base64.b64encode(file).decode()} for file in files]}


@given(st.lists(st.binary(), min_size=1, max_size=3), st.sampled_from([None, 1]))
def test_files_are_read_as_the_parser_and_base64_read_them(files: list[bytes], indent: int | None) -> None:
    body = json.dumps(rows(*files), indent=indent).encode()
    block = read_files(body, DEPTH)
    assert block is not None
    assert block.files == files
    assert block.key == "instances"
    assert block.document() == load(body, DEPTH)
    array = block.array(DType.BYTES)
    expected = read_array(rows(*files)["instances"], DType.BYTES)
    assert array is not None
    assert expected is not None
    assert array.tolist() == expected.tolist()
    assert array.shape == expected.shape
    assert block.array(DType.FP32) is None


PIECES = [*'{}[]",: é\\', '"instances"', '"b64"', '"QUJD"', '"QQ=="', "QUJD"]


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.integers(0, 30))
def test_nothing_is_taken_for_files_that_the_parser_reads_otherwise(pieces: list[str], at: int) -> None:
    whole = '{"instances":[{"b64":"QUJD"},{"b64":"QQ=="}]}'
    body = (whole[:at] + "".join(pieces) + whole[at + len(pieces) :]).encode()
    block = read_files(body, DEPTH)
    if block is not None:
        document = load(body, DEPTH, whole=True)
        assert isinstance(document, dict)
        assert document.keys() == {"instances"}
        expected = read_array(document["instances"], DType.BYTES)
        assert expected is not None
        assert expected.tolist() == block.files


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":[]}',
        b'{"instances":[{"b64":""}',
        b'{"instances":[{"b64":"QUJD"}]}!',
        b'{"instances":[{"b64":"QUJD"}],"signature_name":"x"}',
        b'{"instances":[{"b64":"QUJD"},7]}',
        b'{"instances":[{"b64":"QUJD"},{"x":"QUJD"}]}',
        b'{"instances":[{"b64":"QUJD","b64":"QUJD"}]}',
        b'{"instances":[{"x":{"b64":"QUJD"}}]}',
        b'{"instances":[{"b64":"QUI"}]}',
        b'{"instances":[{"b64":"QUJD QUJD"}]}',
        b'{"instances":[{"b64":"QUJD\\n"}]}',
        b'{"instances":[{"b64":"QUJD\n"}]}',
        b'{"instances":[{"b64":"QU\\u004aD"}]}',
        '{"instances":[{"b64":"QUJé"}]}'.encode(),
        b'{"inputs":[{"b64":"QUJD"}]}',
        b'{"instances":{"b64":"QUJD"}}',
        b"",
    ],
)
def test_any_other_body_is_left_to_the_parser(body: bytes) -> None:
    assert read_files(body, DEPTH) is None


def test_a_body_that_is_nested_too_deep_is_left_to_the_parser_which_refuses_it() -> None:
    body = json.dumps(rows(b"file")).encode()
    assert isinstance(read_files(body, 3), FileBlock)
    assert read_files(body, 2) is None
    with pytest.raises(DragomanError, match="nested more than 2 levels deep"):
        load(body, 2)

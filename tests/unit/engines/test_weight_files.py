"""Files of weights beside a model of Hugging Face, looked at before a library reads them."""

import json
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.hugging_face import check_weights


def safetensors(size: int) -> bytes:
    """A file with one tensor of so many bytes."""
    told = json.dumps({"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(told).to_bytes(8, "little") + told + bytes(size)


def refused(folder: Path) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        check_weights(folder.as_posix())
    return caught.value


def test_whole_files_and_folders_without_weights_pass(tmp_path: Path) -> None:
    check_weights(tmp_path.as_posix())
    (tmp_path / "model.safetensors").write_bytes(safetensors(5))
    check_weights(tmp_path.as_posix())


def test_a_file_that_is_cut_anywhere_is_named(tmp_path: Path) -> None:
    whole = safetensors(5)
    for length in range(len(whole)):
        (tmp_path / "model.safetensors").write_bytes(whole[:length])
        assert refused(tmp_path).message == "model.safetensors does not load: it is truncated or damaged"


@pytest.mark.parametrize("told", ['{"weight_map": {"x": ["y"]}}', '{"weight_map": 3}', "[]", '{"weight_map"'])
def test_an_index_that_is_none_is_refused(tmp_path: Path, told: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(told)
    assert refused(tmp_path).code is Code.INTERNAL
    assert "model.safetensors.index.json does not load" in refused(tmp_path).message


def test_a_part_that_is_not_there_or_elsewhere_is_named(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"x": "a.safetensors"}}')
    assert refused(tmp_path).message == "a.safetensors does not load: there is no such file"
    index.write_text('{"weight_map": {"x": "../a.safetensors"}}')
    assert "no file beside it" in refused(tmp_path).message

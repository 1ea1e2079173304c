"""Which names a model may have."""

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.names import check_model_name, is_model_name


@pytest.mark.parametrize("name", ["m", "half_plus_two", "a-b.c", "Ünïcode", "a b", "x" * 255])
def test_an_ordinary_name_is_a_model_name(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a:b", "a%2e", "a\0", "a\n", " a", "x" * 256]
)
def test_a_name_that_could_leave_its_folder_or_its_path_segment_is_none(name: str) -> None:
    assert not is_model_name(name)
    with pytest.raises(DragomanError, match="not a model name"):
        check_model_name(name)

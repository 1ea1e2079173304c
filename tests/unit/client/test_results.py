"""What a call gives."""

import numpy as np
import pytest

from dragoman.client.errors import BadAnswer
from dragoman.client.results import Result


def result(**arrays: object) -> Result:
    made = {name: np.array(array) for name, array in arrays.items()}
    return Result(made, model="m", version="1", id="", parameters={})


def test_a_result_is_a_mapping_in_the_model_s_order() -> None:
    found = result(b=[1, 2], a=[3])
    assert list(found) == ["b", "a"]
    assert len(found) == 2
    assert found["a"].tolist() == [3]
    assert "c" not in found


def test_a_result_shows_its_shapes_and_not_its_numbers() -> None:
    assert repr(result(y=[[1.0]])) == "Result('m' version 1, y: float64 (1, 1))"
    assert repr(result()) == "Result('m' version 1, no outputs)"


def test_bytes_are_shown_as_text_on_demand() -> None:
    found = result(y=np.array([["é".encode(), b""]], object))
    assert found.text("y").tolist() == [["é", ""]]
    assert found["y"].tolist() == [["é".encode(), b""]]


def test_what_is_no_text_is_not_shown_as_one() -> None:
    with pytest.raises(BadAnswer, match="'y' is no text"):
        result(y=[1]).text("y")
    with pytest.raises(BadAnswer, match="'y' is no UTF-8"):
        result(y=np.array([b"\xff"], object)).text("y")

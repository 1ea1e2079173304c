"""The rows on which source and ONNX are compared."""

from pathlib import Path

import numpy as np
import pytest

from dragoman.convert.messages import Hint
from dragoman.convert.sampling import made_up, of_file, rows_of, some_rows
from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType

MATRIX = Signature("serving_default", {"x": TensorSpec("x", DType.FP64, (None, 2), "x")}, {})
COLUMNS = Signature(
    "serving_default",
    {
        "age": TensorSpec("age", DType.FP64, (None,), "age"),
        "sex": TensorSpec("sex", DType.BYTES, (None,), "sex"),
    },
    {},
)
IMAGE = Signature("serving_default", {"x": TensorSpec("x", DType.FP32, (None, 3, None), "x")}, {})


def test_the_same_seed_makes_the_same_rows_and_another_makes_others():
    one, again, other = (made_up(MATRIX, (), 8, seed)["x"].array for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_numbers_lie_a_little_beyond_the_known_bounds_and_on_thresholds():
    hints = (Hint(0.0, 10.0, (2.5, 7.5)), Hint(-1.0, 1.0))
    drawn = made_up(MATRIX, hints, 2000, 1)["x"].array
    assert (drawn[:, 0].min(), drawn[:, 0].max()) == pytest.approx((-1, 11), abs=0.1)
    assert np.isin(drawn[:, 0], (2.5, 7.5)).mean() == pytest.approx(0.3, abs=0.05)
    assert (drawn[:, 1].min(), drawn[:, 1].max()) == pytest.approx((-1.2, 1.2), abs=0.05)


def test_columns_get_their_own_kind_of_values():
    drawn = made_up(COLUMNS, (Hint(20, 30), Hint(texts=("male", "female"))), 50, 1)
    assert set(drawn["sex"].array) == {b"male", b"female"}
    assert 19 <= drawn["age"].array.min() <= drawn["age"].array.max() <= 31


def test_whole_numbers_that_an_encoder_knows_are_the_only_ones():
    drawn = made_up(MATRIX, (Hint(1, 3, (1, 2, 3)), Hint(0, 1)), 50, 1)
    assert set(drawn["x"].array[:, 0]) == {1.0, 2.0, 3.0}


def test_inputs_of_which_nothing_is_known_fit_their_shape():
    assert made_up(IMAGE, (), 5, 1)["x"].array.shape == (5, 3, 2)


def test_a_table_with_a_first_line_of_names_gives_columns(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("sex,age\nmale,22\nfemale,38.5\n", encoding="utf-8")
    read = of_file(COLUMNS, path)
    assert read["sex"].array.tolist() == [b"male", b"female"]
    assert read["age"].array.tolist() == [22.0, 38.5]


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "a,b\n1,2\n3,4\n"])
def test_a_table_of_numbers_is_the_matrix_of_a_model_with_one_input(tmp_path: Path, text: str):
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    assert of_file(MATRIX, path)["x"].array.tolist() == [[1, 2], [3, 4]]


def test_arrays_are_taken_in_the_models_type(tmp_path: Path):
    np.save(tmp_path / "rows.npy", np.array([[1, 2]], np.int8))
    assert of_file(MATRIX, tmp_path / "rows.npy")["x"].array.dtype == np.float64


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sex\nmale\n", "has no 'age'; it has sex"),
        ("sex,age\nmale,old\n", "'age': could not convert string to float: 'old'"),
        ("sex,age\nmale\n", "its lines are of unequal length"),
        ("", "it is empty"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_name(tmp_path: Path, text: str, told: str):
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DragomanError, match=told):
        of_file(COLUMNS, path)


def test_a_pickled_array_is_not_read(tmp_path: Path):
    np.save(tmp_path / "rows.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DragomanError, match="cannot be read"):
        of_file(MATRIX, tmp_path / "rows.npy")


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DragomanError, match=r"rows\.npy: no such file"):
        of_file(MATRIX, tmp_path / "rows.npy")


def test_some_rows_are_those_of_every_input():
    drawn = made_up(COLUMNS, (), 10, 1)
    part = some_rows(drawn, 2, 5)
    assert rows_of(drawn) == 10
    assert part["age"].array.tolist() == drawn["age"].array[2:5].tolist()
    assert rows_of(part) == 3

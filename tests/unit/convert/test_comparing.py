"""Whether answers are equal, and which row is the worst."""

import numpy as np
import pytest

from dragoman.convert.comparing import compare, shown_row
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import DType, Tensor

TOLERANCE = 1e-5


def numbers(*values: float) -> dict:
    return {"serving_default": {"y": np.array(values)}}


def labels(*values: int, likely: list[list[float]] | None = None) -> dict:
    made = {"serving_default": {"predictions": np.array(values)}}
    return made if likely is None else {**made, "predict_proba": {"probabilities": np.array(likely)}}


def test_numbers_within_the_tolerance_are_equal():
    found = compare(numbers(1.0, 100.0), numbers(1.0005, 100.0), 2, TOLERANCE)
    assert (found.unequal, found.worst) == (0, None)
    assert found.agreement.largest_difference == pytest.approx(0.0005)


def test_the_worst_row_is_told_with_both_answers():
    found = compare(numbers(1.0, 2.0, 3.0), numbers(1.1, 2.5, 3.0), 3, TOLERANCE)
    assert found.unequal == 2
    assert (found.worst.output, found.worst.row) == ("y", 1)
    assert (found.worst.source, found.worst.onnx) == (2.0, 2.5)


def test_one_label_that_differs_is_worse_than_any_number():
    one = {"a": {"y": np.array([0.0, 1.0])}, **labels(0, 1)}
    other = {"a": {"y": np.array([9.0, 1.0])}, **labels(0, 2)}
    found = compare(one, other, 2, TOLERANCE)
    assert (found.unequal, found.worst.output, found.worst.row) == (2, "predictions", 1)


def test_either_of_two_equally_likely_classes_is_right_and_counted():
    likely = [[0.5, 0.5 - 1e-9], [0.9, 0.1]]
    found = compare(labels(0, 0, likely=likely), labels(1, 0, likely=likely), 2, TOLERANCE)
    assert (found.unequal, found.agreement.ties) == (0, 1)


def test_a_label_that_is_likelier_by_more_than_the_tolerance_has_to_be_given():
    likely = [[0.5001, 0.4999], [0.9, 0.1]]
    found = compare(labels(0, 0, likely=likely), labels(1, 0, likely=likely), 2, TOLERANCE)
    assert (found.unequal, found.agreement.ties) == (1, 0)


def test_texts_are_equal_or_not():
    one, other = ({"s": {"y": np.array([b"yes", last], object)}} for last in (b"no", b"yes"))
    found = compare(one, other, 2, TOLERANCE)
    assert (found.unequal, found.worst.row) == (1, 1)
    assert compare(one, one, 2, TOLERANCE).unequal == 0


@pytest.mark.parametrize(
    ("one", "other", "unequal"), [(np.nan, np.nan, 0), (np.nan, 1.0, 1), (np.inf, np.inf, 0)]
)
def test_what_is_no_number_has_to_be_none_in_both(one: float, other: float, unequal: int):
    assert compare(numbers(one), numbers(other), 1, TOLERANCE).unequal == unequal


def test_a_difference_of_all_answers_counts_against_every_row():
    one, other = ({"s": {"y": np.array(value)}} for value in (1.0, 2.0))
    assert compare(one, other, 3, TOLERANCE).unequal == 3


def test_an_output_of_another_shape_is_no_answer():
    with pytest.raises(DragomanError, match=r"serving_default: y: the source gives float64 of shape \(2,\)"):
        compare(numbers(1.0, 2.0), {"serving_default": {"y": np.zeros((2, 1))}}, 2, TOLERANCE)


def test_a_row_is_shown_by_the_names_of_its_inputs():
    text = np.array([b"male", b"female"], object)
    inputs = {"age": Tensor(DType.FP64, np.array([22.5, 38])), "sex": Tensor(DType.BYTES, text)}
    assert shown_row(inputs, 1) == "age=38 sex=female"

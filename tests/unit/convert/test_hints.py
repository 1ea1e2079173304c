"""What is sampled of a column, by the thresholds that trees have for it."""

from types import SimpleNamespace

import numpy as np
import pytest

from dragoman.convert.hints import hints_of, point_hint
from dragoman.convert.messages import Hint


def test_values_go_beyond_the_thresholds_to_both_sides():
    assert point_hint([3.0, 1.0, 3.0]) == Hint(0.5, 3.5, (1.0, 3.0))


@pytest.mark.parametrize(("only", "low", "high"), [(4.0, 3.0, 5.0), (0.0, -1.0, 1.0)])
def test_one_threshold_has_values_around_it_too(only: float, low: float, high: float):
    assert point_hint([only]) == Hint(low, high, (only,))


def test_of_many_thresholds_some_are_kept_with_both_ends():
    found = point_hint([float(number) for number in range(1000)])
    assert (found.points[0], found.points[-1], len(found.points)) == (0.0, 999.0, 64)


def test_of_a_column_that_no_tree_looks_at_nothing_is_known():
    assert point_hint([]) == Hint()


def test_texts_are_made_of_the_words_that_a_counter_of_words_knows() -> None:
    counter = SimpleNamespace(vocabulary_={"good": 0, "day": 1}, n_features_in_=1)
    (hint,) = hints_of(counter)
    assert {word.lower() for text in hint.texts for word in text.removesuffix(".").split()} == {"good", "day"}


def test_the_first_step_that_looked_at_a_column_tells_of_it() -> None:
    scaler = SimpleNamespace(mean_=np.array([10.0, 0.0]), scale_=np.array([2.0, 1.0]))
    trees = SimpleNamespace(tree_=SimpleNamespace(feature=[0, -2], threshold=[0.5, 0.0]))
    pipeline = SimpleNamespace(steps=[("scaler", scaler), ("trees", trees)], n_features_in_=2)
    assert hints_of(pipeline) == (Hint(4.0, 16.0), Hint(-3.0, 3.0))


def test_columns_are_told_of_by_what_each_goes_through() -> None:
    encoder = SimpleNamespace(categories_=[np.array(["female", "male"], object)])
    scaler = SimpleNamespace(data_min_=np.array([20.0]), data_max_=np.array([40.0]))
    parts = [("text", encoder, ["sex"]), ("number", scaler, ["age"]), ("rest", "drop", ["id"])]
    chosen = SimpleNamespace(
        transformers_=parts, feature_names_in_=np.array(["age", "sex", "id"]), n_features_in_=3
    )
    assert hints_of(chosen) == (Hint(20.0, 40.0), Hint(texts=("female", "male")), Hint())


def test_an_estimator_with_other_insides_tells_nothing_and_harms_nothing() -> None:
    assert hints_of(SimpleNamespace(n_features_in_=2, mean_=3.0, scale_=None)) == (Hint(), Hint())

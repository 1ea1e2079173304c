"""What is asked of a file in UBJSON before XGBoost reads it."""

from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris

from dragoman.engines.xgboost.ubjson import check_whole, is_ubjson
from tests.unit.engines.trees.test_trees import save_xgboost

DEEP = b"[" * 100_000


def long(number: int) -> bytes:
    return b"L" + number.to_bytes(8, "big", signed=True)


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_what_xgboost_writes_is_whole_and_each_cut_of_it_is_not(tmp_path: Path, booster: str) -> None:
    save_xgboost(*load_iris(return_X_y=True), tmp_path / "m.ubj", booster=booster)
    content = (tmp_path / "m.ubj").read_bytes()
    assert is_ubjson(content)
    check_whole(content)
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"inside a value|expected|begins no value"):
            check_whole(content[:length])


def test_categories_and_names_are_passed(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(0, 4, (200, 2)).astype(np.float32)
    data = xgboost.DMatrix(
        rows, rows.sum(axis=1), feature_names=["a", "b"], feature_types=["c", "q"], enable_categorical=True
    )
    xgboost.train({"max_cat_to_onehot": 1}, data, 3).save_model(tmp_path / "m.ubj")
    check_whole((tmp_path / "m.ubj").read_bytes())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (DEEP, "more than 64 values inside each other"),
        (b"[$d#" + long(2**60), "inside a value"),
        (b"[$d#" + long(-1), "inside a value"),
        (b"[#" + long(2**62) + b"Z", "inside a value"),
        (b"[$S#" + long(0), "byte 2: b'S' begins no value"),
        (b"{i\x03", "byte 1: b'i' where b'L' is expected"),
        (b"S" + long(-8), "inside a value"),
        (b"H", "byte 0: b'H' begins no value"),
    ],
)
def test_lengths_and_markers_that_lie_are_told(content: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_whole(content)


@pytest.mark.parametrize("content", [b'{"learner": {}}', b'{\n  "learner": {}}'])
def test_json_is_left_to_xgboost(content: bytes) -> None:
    assert not is_ubjson(content)

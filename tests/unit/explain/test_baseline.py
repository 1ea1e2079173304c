"""What stands for a missing value."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.explanation import Wish
from dragoman.core.tensors import DType, Tensor
from dragoman.explain.background import read_setting
from dragoman.explain.baseline import chosen
from dragoman.explain.instances import Instances


def tensor(dtype: DType, values: Any) -> Tensor:
    return Tensor(dtype, np.array(values, dtype.numpy))


TABLE = {
    "age": tensor(DType.INT64, [30, 41]),
    "fare": tensor(DType.FP32, [1.5, 2.5]),
    "sex": tensor(DType.BYTES, [b"f", b"f"]),
    "alive": tensor(DType.BOOL, [True, False]),
}


def values(folder: Path, given: Any, inputs: Any = TABLE, **wish: Any) -> list[Any]:
    setting = read_setting(given, str(folder))
    found = chosen(Wish(**wish), setting, Instances(inputs)).values
    return [one.tolist() for one in found]


def refusal(folder: Path, given: Any, inputs: Any = TABLE, **wish: Any) -> str:
    with pytest.raises(DragomanError) as caught:
        values(folder, given, inputs, **wish)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_a_number_stands_for_numbers_and_an_empty_text_for_texts(tmp_path: Path) -> None:
    assert values(tmp_path, None) == [[0], [0.0], [b""], [False]]
    assert values(tmp_path, 2.4) == [[2], [np.float32(2.4)], [b""], [True]]
    assert values(tmp_path, 2.4, baseline=7.0) == [[7], [7.0], [b""], [True]]


def test_the_mean_of_the_requests_rows_is_the_commonest_of_texts(tmp_path: Path) -> None:
    assert values(tmp_path, None, baseline="mean")[:3] == [[36], [2.0], [b"f"]]


def test_a_row_of_the_settings_is_by_name_or_of_the_only_input(tmp_path: Path) -> None:
    row = {"age": 3, "fare": [0.5], "sex": "m", "alive": True}
    assert values(tmp_path, row) == [[3], [0.5], [b"m"], [True]]
    matrix = {"x": tensor(DType.FP32, [[[1, 2], [3, 4]]])}
    assert values(tmp_path, [[1, 2], [3, 4]], matrix) == [[1.0, 2.0, 3.0, 4.0]]


def test_a_table_beside_the_model_is_read_by_its_names(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("sex,alive,fare,age\nm,1,1.0,20\nm,1,2.0,30\nf,0,6.0,40\n")
    assert values(tmp_path, "rows.csv") == [[30], [3.0], [b"m"], [True]]
    (tmp_path / "plain.csv").write_text("a,b\n1,2\n3,4\n")
    assert values(tmp_path, "plain.csv", {"x": tensor(DType.FP32, [[0, 0]])}) == [[2.0, 3.0]]
    (tmp_path / "bare.csv").write_text("1,2\n3,4\n")
    assert values(tmp_path, "bare.csv", {"x": tensor(DType.FP32, [[0, 0]])}) == [[2.0, 3.0]]


def test_an_array_beside_the_model_is_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.arange(8.0).reshape(2, 2, 2))
    assert values(tmp_path, "rows.npy", {"x": tensor(DType.FP32, [[[0, 0], [0, 0]]])}) == [
        [2.0, 3.0, 4.0, 5.0]
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rows.csv", "", "explain.baseline: rows.csv: it is empty"),
        ("rows.csv", "1,2\n3\n", "explain.baseline: rows.csv: its lines are not of one length"),
        ("rows.npy", "no array", "explain.baseline: rows.npy: "),
        ("none.csv", None, "explain.baseline: none.csv: No such file or directory"),
        ("rows.txt", "1", "explain.baseline: rows.txt: a file *.npy or *.csv in the version's folder"),
        ("../rows.csv", None, "explain.baseline: ../rows.csv: a file *.npy or *.csv in the version's folder"),
    ],
)
def test_a_file_that_is_no_baseline_is_named(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    assert refusal(tmp_path, name).startswith(words)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1, 2], "explain.baseline: give the inputs' values by name, since there are several inputs"),
        ({"age": 1}, 'explain.baseline: input "fare" is missing'),
        (
            {"age": 1, "fare": "x", "sex": "", "alive": 0},
            "explain.baseline: 'x' is no number for input \"fare\"",
        ),
        ({"age": 1, "fare": [1, 2]}, 'explain.baseline: 2 values for input "fare", which has 1'),
    ],
)
def test_a_row_of_the_settings_that_does_not_fit_is_told(tmp_path: Path, given: Any, words: str) -> None:
    assert refusal(tmp_path, given) == words


def test_a_number_out_of_a_types_range_is_refused(tmp_path: Path) -> None:
    inputs = {"x": tensor(DType.UINT8, [[1, 2]])}
    assert refusal(tmp_path, None, inputs, baseline=-1.0).startswith(
        "parameters.baseline: -1 does not fit uint8"
    )
    assert refusal(tmp_path, None, inputs, baseline=256.0).startswith("parameters.baseline: 256 does not fit")


def test_inputs_of_unlike_rows_are_refused() -> None:
    inputs = {"a": tensor(DType.FP32, [1, 2]), "b": tensor(DType.FP32, [1])}
    with pytest.raises(DragomanError, match='input "b" has 1 rows, input "a" 2'):
        Instances(inputs)
    with pytest.raises(DragomanError, match='input "a" is one value'):
        Instances({"a": tensor(DType.FP32, 1)})

"""The baseline in a model's settings: a number, a row, or the mean of a file of rows beside the model."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.explain.baseline import Setting

SUFFIXES: Final = (".npy", ".csv")
MOST_FILE_BYTES: Final = 256 * 1024 * 1024


def read_setting(given: float | list[Any] | dict[str, Any] | str | None, path: str) -> Setting:
    """The baseline that a model's owner chose; `path` is the version's folder, or its one file.

    Errors: INVALID_ARGUMENT naming the key and the file.
    """
    if given is None:
        return Setting()
    if isinstance(given, str):
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        return Setting(read_file(folder, given), f"mean of {given}", flat=True)
    if isinstance(given, list | dict):
        return Setting(given, "row of the settings")
    return Setting(float(given), f"{given:g}")


def read_file(folder: str, name: str) -> Sequence[object] | Mapping[str, object]:
    """The mean of a file's rows: one value for each of a row's; by the names of a CSV's first line."""
    if os.path.basename(name) != name or not name.endswith(SUFFIXES):
        raise refused(name, f"a file *{' or *'.join(SUFFIXES)} in the version's folder is expected")
    path = os.path.join(folder, name)
    try:
        if os.path.getsize(path) > MOST_FILE_BYTES:
            raise refused(name, f"it is larger than {MOST_FILE_BYTES} bytes")
        return mean_of_array(path) if name.endswith(".npy") else mean_of_table(path)
    except OSError as error:
        raise refused(name, error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise refused(name, str(error)) from error


def refused(name: str, why: str) -> DragomanError:
    """The error for a file that is no baseline."""
    return invalid(f"explain.baseline: {name}: {why}")


def mean_of_array(path: str) -> list[object]:
    """The mean over the first axis of an array's rows."""
    array = np.load(path, allow_pickle=False)
    if array.dtype.kind not in "biuf" or not array.ndim or not array.size:
        raise ValueError("it holds no rows of numbers")
    found: list[object] = array.astype(np.float64).mean(axis=0).reshape(-1).tolist()
    return found


def mean_of_table(path: str) -> list[object] | dict[str, object]:
    """The mean of each column of a CSV file, or its commonest text; by name where the first line has any."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = [line for line in csv.reader(file) if line]
    if not lines:
        raise ValueError("it is empty")
    has_names = not any(map(is_number, lines[0])) and len(lines) > 1
    rows = lines[1:] if has_names else lines
    if any(len(row) != len(lines[0]) for row in rows):
        raise ValueError("its lines are not of one length")
    values = [column_mean(column) for column in zip(*rows, strict=True)]
    return dict(zip(lines[0], values, strict=True)) if has_names else values


def column_mean(column: Sequence[str]) -> object:
    """The mean of a column's numbers, or its commonest text."""
    if all(map(is_number, column)):
        return float(np.mean([float(value) for value in column]))
    return Counter(column).most_common(1)[0][0]


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True

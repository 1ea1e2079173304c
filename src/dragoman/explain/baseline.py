"""What stands in a row for a value that is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.core.explanation import MEAN, Wish
from dragoman.core.tensors import Array, DType
from dragoman.explain.instances import Column, Instances, Values

Given = float | Sequence[object] | Mapping[str, object]  # a number, or the values of a row


class Setting(Struct, frozen=True):
    """The baseline of a model's settings, and what it is called. `flat`: the values of all inputs in one."""

    given: Given = 0.0
    words: str = "0"
    flat: bool = False


class Baseline(Struct, frozen=True):
    """A row of missing values, and how it is called in the answer."""

    values: Values
    words: str


USUAL = Setting()


def chosen(wish: Wish, setting: Setting, instances: Instances) -> Baseline:
    """The baseline of a request.

    Errors: INVALID_ARGUMENT for one that does not fit the inputs.
    """
    given, columns = wish.baseline, instances.columns
    if given is None:
        return of_setting(setting, columns)
    if given == MEAN:
        return Baseline([mean(one) for one in columns], "mean of the request's rows")
    if isinstance(given, int | float):
        return Baseline([everywhere(given, one, "parameters.baseline") for one in columns], f"{given:g}")
    if isinstance(given, str):
        raise TypeError(given)
    values = []
    for one in columns:
        row = given[one.name].array
        if row.shape[1:] != one.shape:
            shapes = f"{list(row.shape[1:])}, and a row of the request {list(one.shape)}"
            raise invalid(f'parameters.baseline: input "{one.name}" is {shapes}')
        values.append(row.reshape(-1))
    return Baseline(values, "row")


def of_setting(setting: Setting, columns: Sequence[Column]) -> Baseline:
    """The baseline that the model's owner chose.

    Errors: INVALID_ARGUMENT where it does not fit the inputs.
    """
    given = setting.given
    if isinstance(given, int | float):
        return Baseline([everywhere(given, one, "explain.baseline") for one in columns], setting.words)
    if isinstance(given, Mapping) and setting.flat and not any(one.name in given for one in columns):
        given = list(given.values())  # the columns of a table, in their order, are the values of a matrix
    if isinstance(given, Mapping):
        return Baseline([named(given, one) for one in columns], setting.words)
    if not setting.flat and len(columns) != 1:
        raise invalid("explain.baseline: give the inputs' values by name, since there are several inputs")
    values = flattened(given)
    width = sum(one.size for one in columns)
    if len(values) != width:
        raise invalid(f"explain.baseline: {len(values)} values, and a row has {width}")
    made, begin = [], 0
    for one in columns:
        made.append(typed(values[begin : begin + one.size], one, "explain.baseline"))
        begin += one.size
    return Baseline(made, setting.words)


def named(given: Mapping[str, object], one: Column) -> Array:
    """The values of one input among those by name."""
    if one.name not in given:
        raise invalid(f'explain.baseline: input "{one.name}" is missing')
    values = flattened(given[one.name])
    if len(values) != one.size:
        raise invalid(f'explain.baseline: {len(values)} values for input "{one.name}", which has {one.size}')
    return typed(values, one, "explain.baseline")


def flattened(value: object) -> list[object]:
    """The values in nested lists, in order."""
    if not isinstance(value, list | tuple | np.ndarray):
        return [value]
    return [inner for one in value for inner in flattened(one)]


def typed(values: Sequence[object], one: Column, key: str) -> Array:
    """Values of an input's type.

    Errors: INVALID_ARGUMENT naming the first that is none.
    """
    made = np.empty(len(values), one.dtype.numpy)
    for index, value in enumerate(values):
        made[index] = element(value, one, key)
    return made


def element(value: object, one: Column, key: str) -> object:
    """One value of an input's type; a whole number's type takes the nearest one."""
    if one.dtype is DType.BYTES:
        if isinstance(value, bytes):
            return value
        return value.encode() if isinstance(value, str) else b""
    if not isinstance(value, int | float | np.number) or not isfinite(value):
        raise invalid(f'{key}: {value!r} is no number for input "{one.name}"')
    if one.dtype is DType.BOOL:
        return bool(value)
    if one.dtype.is_integer:
        limits, nearest = np.iinfo(one.dtype.numpy), round(float(value))
        if not limits.min <= nearest <= limits.max:
            raise invalid(f'{key}: {value:g} does not fit {one.dtype.value}, which input "{one.name}" takes')
        return nearest
    with np.errstate(over="ignore"):
        found = np.array(value).astype(one.dtype.numpy)
    if not np.isfinite(found.astype(np.float64)):
        raise invalid(f'{key}: {value:g} does not fit {one.dtype.value}, which input "{one.name}" takes')
    return found


def everywhere(value: float, one: Column, key: str) -> Array:
    """The same number at every place; an empty text where the input is of those."""
    made = np.empty(one.size, one.dtype.numpy)
    made[:] = element(value, one, key)
    return made


def mean(one: Column) -> Array:
    """The mean of a request's rows; of texts the commonest."""
    if one.dtype is DType.BYTES:
        made = np.empty(one.size, object)
        made[:] = [Counter(values).most_common(1)[0][0] for values in one.values.T]
        return made
    means = one.values.astype(np.float64).mean(axis=0)
    return typed(means.tolist(), one, "parameters.baseline")

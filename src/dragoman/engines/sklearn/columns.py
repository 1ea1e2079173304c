"""Which of an estimator's columns are text: it keeps their names, and only its encoders keep their types."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def text_columns(estimator: Any, names: list[str]) -> set[str]:
    """The columns that an encoder, a counter of words or an imputer was fitted with text for."""
    if hasattr(estimator, "steps"):
        inner = (step for _, step in estimator.steps if step is not None and not isinstance(step, str))
        first = next(inner, None)
        return set() if first is None else text_columns(first, names)
    if hasattr(estimator, "transformers_"):
        found = set()
        for _, transformer, chosen in estimator.transformers_:
            taken = chosen_names(chosen, names)
            if not isinstance(transformer, str):
                found |= text_columns(transformer, taken)
        return found
    if hasattr(estimator, "vocabulary_"):
        return set(names)
    return {name for name, is_text in zip(names, fitted_types(estimator), strict=False) if is_text}


def word_counters(estimator: Any) -> list[Any]:
    """The counters of words in an estimator, wherever it keeps them: what has an analyzer."""
    counters, seen = [], set()
    waiting = [estimator]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if callable(getattr(part, "build_analyzer", None)):
            counters.append(part)
        else:
            waiting += inner_parts(part)
    return counters


def inner_parts(part: Any) -> list[Any]:
    """What a list, or an object of scikit-learn's kind, holds."""
    if isinstance(part, Mapping):
        return list(part.values())
    if isinstance(part, list | tuple):
        return list(part)
    if isinstance(part, np.ndarray):
        return part.ravel().tolist() if part.dtype == object else []
    kind = type(part)
    if kind is not type and (hasattr(kind, "get_params") or kind.__module__.startswith("sklearn.")):
        return list(getattr(part, "__dict__", {}).values())
    return []


def chosen_names(chosen: Any, names: list[str]) -> list[str]:
    """The columns that one part of a ColumnTransformer takes, however it was told them."""
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, int):
        return [names[chosen]]
    if not isinstance(chosen, slice):
        chosen = np.asarray(chosen)
        if chosen.dtype.kind in "OU":
            return [str(name) for name in chosen]
        if chosen.dtype.kind == "f":  # an empty list
            return []
    return [str(name) for name in np.asarray(names, object)[chosen]]


def fitted_types(estimator: Any) -> Iterator[bool]:
    """For each column whether an encoder or an imputer saw text in it."""
    for values in getattr(estimator, "categories_", ()):
        yield np.asarray(values).dtype.kind in "OUS" and any(isinstance(value, str) for value in values)
    for value in getattr(estimator, "statistics_", ()):
        yield isinstance(value, str)

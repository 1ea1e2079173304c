"""What an estimator tells of the values it was trained with: the first step that looked at a column knows."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np

from dragoman.convert.messages import Hint
from dragoman.engines.sklearn.columns import chosen_names

SPREAD: Final = 3.0  # standard deviations to either side
MOST_POINTS: Final = 64  # thresholds of one column
SENTENCES: Final = 64
LONGEST: Final = 8  # words of one
Bounds = tuple[Any, Any]

# What attributes of fitted steps say of the least and greatest of each column.
KNOWN: Final[Sequence[tuple[str, Callable[[Any], Bounds]]]] = (
    ("data_min_", lambda step: (step.data_min_, step.data_max_)),
    ("center_", lambda step: around(step.center_, step.scale_)),
    ("max_abs_", lambda step: (-step.max_abs_, step.max_abs_)),
    ("quantiles_", lambda step: (step.quantiles_[0], step.quantiles_[-1])),
    ("_fit_X", lambda step: ends(step._fit_X)),
    ("support_vectors_", lambda step: ends(step.support_vectors_)),
    ("theta_", lambda step: (step.theta_.min(0) - SPREAD * step.var_.max(0) ** 0.5,
                             step.theta_.max(0) + SPREAD * step.var_.max(0) ** 0.5)),
    ("cluster_centers_", lambda step: ends(step.cluster_centers_)),
    ("mean_", lambda step: around(step.mean_, getattr(step, "scale_", None))),
)  # fmt: skip


def hints_of(estimator: Any) -> tuple[Hint, ...]:
    """A hint for each column; an empty one where nothing is known."""
    width = int(getattr(estimator, "n_features_in_", 0))
    names = [str(name) for name in getattr(estimator, "feature_names_in_", range(width))]
    found: dict[str, Hint] = {}
    with suppress(AttributeError, IndexError, TypeError, ValueError):  # an estimator with other insides
        collect(estimator, names, found)
    return tuple(found.get(name, Hint()) for name in names)


def collect(estimator: Any, names: Sequence[str], found: dict[str, Hint]) -> None:
    """Put what this estimator tells of these columns into `found`, where nothing is known yet."""
    if hasattr(estimator, "steps"):
        for _, step in estimator.steps:
            if step is None or step == "passthrough":
                continue
            collect(step, names, found)
            if not type(step).__name__.endswith("Imputer"):  # behind it columns are others
                return
        return
    if hasattr(estimator, "transformers_"):
        for _, transformer, chosen in estimator.transformers_:
            if not isinstance(transformer, str):
                collect(transformer, chosen_names(chosen, list(names)), found)
        return
    for name, hint in zip(names, step_hints(estimator, len(names)), strict=False):
        found.setdefault(name, hint)


def step_hints(step: Any, width: int) -> Iterable[Hint]:
    """What a step tells that was fitted with so many columns."""
    if hasattr(step, "categories_"):
        return [category_hint(values) for values in step.categories_]
    if hasattr(step, "vocabulary_"):
        return [Hint(texts=sentences(sorted(step.vocabulary_)))]
    points = thresholds(step, width)
    if points:
        return [point_hint(points.get(column, [])) for column in range(width)]
    for attribute, bounds in KNOWN:
        if getattr(step, attribute, None) is not None:
            low, high = bounds(step)
            return [Hint(float(one), float(other)) for one, other in zip(low, high, strict=True)]
    return []


def sentences(words: Sequence[str]) -> tuple[str, ...]:
    """Texts of the words that a counter of words knows, as people write them."""
    random = np.random.default_rng(SENTENCES)
    lengths = random.integers(1, LONGEST, SENTENCES, endpoint=True)
    return tuple(" ".join(random.choice(words, length)).capitalize() + "." for length in lengths)


def category_hint(values: Any) -> Hint:
    """The categories that an encoder knows."""
    array = np.asarray(values)
    if array.dtype.kind in "OUS":
        return Hint(texts=tuple(str(value) for value in array if value is not None))
    points = tuple(float(value) for value in array)
    return Hint(min(points), max(points), points)


def point_hint(points: Sequence[float]) -> Hint:
    """Values around the thresholds of a column, and the thresholds themselves."""
    if not points:
        return Hint()
    unlike = np.unique(np.asarray(points, np.float64))
    low, high = float(unlike[0]), float(unlike[-1])
    margin = (high - low) / 4 or abs(low) / 4 or 1.0
    some = unlike[np.linspace(0, len(unlike) - 1, min(len(unlike), MOST_POINTS)).astype(int)]
    return Hint(low - margin, high + margin, tuple(some.tolist()))


def thresholds(estimator: Any, width: int) -> dict[int, list[float]]:
    """The thresholds of trees, by column."""
    found: dict[int, list[float]] = {}
    binned = getattr(estimator, "_bin_mapper", None)
    if binned is not None and len(binned.bin_thresholds_) == width:
        return {column: np.asarray(points).tolist() for column, points in enumerate(binned.bin_thresholds_)}
    parts = getattr(estimator, "estimators_", None)
    for part in [estimator] if parts is None else np.asarray(parts, object).ravel():
        tree = getattr(part, "tree_", None)
        for column, value in [] if tree is None else zip(tree.feature, tree.threshold, strict=True):
            if column >= 0:
                found.setdefault(int(column), []).append(float(value))
    return found


def around(centre: Any, scale: Any) -> Bounds:
    """A few deviations to either side."""
    spread = 1.0 if scale is None else np.asarray(scale)
    return np.asarray(centre) - SPREAD * spread, np.asarray(centre) + SPREAD * spread


def ends(rows: Any) -> Bounds:
    """The least and the greatest of each column."""
    return np.asarray(rows).min(axis=0), np.asarray(rows).max(axis=0)

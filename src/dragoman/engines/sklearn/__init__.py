"""The engines `sklearn` and `skops`: what scikit-learn's users save, as code and as data."""

from dragoman.engines.sklearn.engine import SklearnEngine, SkopsEngine

__all__ = ["SklearnEngine", "SkopsEngine"]

"""The engine `lightgbm`: LightGBM's own files."""

from dragoman.engines.lightgbm.engine import LightGbmEngine

__all__ = ["LightGbmEngine"]

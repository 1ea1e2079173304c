"""The engine `xgboost`: XGBoost's own files."""

from dragoman.engines.xgboost.engine import XgboostEngine

__all__ = ["XgboostEngine"]

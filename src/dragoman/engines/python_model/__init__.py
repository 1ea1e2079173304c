"""The engine `python`: a folder with `model.py`, whose class is the model."""

from dragoman.engines.python_model.engine import PythonModelEngine

__all__ = ["PythonModelEngine"]

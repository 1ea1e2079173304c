"""The engine `python`: a folder with `model.py`, whose class is the model; and files that pipelines call."""

from dragoman.engines.python_model.engine import PythonModelEngine
from dragoman.engines.python_model.node import PythonNodeEngine

__all__ = ["PythonModelEngine", "PythonNodeEngine"]

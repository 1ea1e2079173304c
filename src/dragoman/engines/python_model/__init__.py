"""The engine `python`: a folder with `model.py`, whose class is the model; other files that are called."""

from dragoman.engines.python_model.engine import PythonModelEngine
from dragoman.engines.python_model.explainer import PythonExplainerEngine
from dragoman.engines.python_model.node import PythonNodeEngine

__all__ = ["PythonExplainerEngine", "PythonModelEngine", "PythonNodeEngine"]

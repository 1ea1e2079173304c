"""TensorFlow Serving's flags, environment and files."""

from dragoman.config.dialect import Dialect
from dragoman.config.dialects.tensorflow_serving.command_line import separate
from dragoman.config.dialects.tensorflow_serving.translate import recognise, translate

DIALECT = Dialect("tfserving", "TensorFlow Serving", translate, recognise, separate)

__all__ = ["DIALECT"]

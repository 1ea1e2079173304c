"""TensorFlow Serving's flags, environment and files."""

from functools import partial

from dragoman.config.command_line import separate
from dragoman.config.dialect import Dialect
from dragoman.config.dialects.tensorflow_serving.flags import FLAGS
from dragoman.config.dialects.tensorflow_serving.translate import recognise, translate

DIALECT = Dialect("tfserving", "TensorFlow Serving", translate, recognise, partial(separate, FLAGS))

__all__ = ["DIALECT"]

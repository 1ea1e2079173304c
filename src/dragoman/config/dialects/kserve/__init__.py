"""The flags of KServe's Python model server."""

from functools import partial

from dragoman.config.command_line import separate
from dragoman.config.dialect import Dialect
from dragoman.config.dialects.kserve.flags import BOOLEANS, FLAGS
from dragoman.config.dialects.kserve.translate import NAME, recognise, translate

DIALECT = Dialect(
    NAME, "KServe's Python server", translate, recognise, partial(separate, FLAGS, booleans=BOOLEANS)
)

__all__ = ["DIALECT"]

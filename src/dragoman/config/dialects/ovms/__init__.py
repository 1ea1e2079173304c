"""OpenVINO Model Server's flags and `config.json`."""

from functools import partial

from dragoman.config.command_line import separate
from dragoman.config.dialect import Dialect
from dragoman.config.dialects.ovms.flags import FLAGS
from dragoman.config.dialects.ovms.translate import recognise, translate

DIALECT = Dialect("ovms", "OpenVINO Model Server", translate, recognise, partial(separate, FLAGS))

__all__ = ["DIALECT"]

"""TorchServe's flags, environment and `config.properties`."""

from dragoman.config.dialect import Dialect
from dragoman.config.dialects.torchserve.command_line import parted
from dragoman.config.dialects.torchserve.translate import NAME, recognise, translate

DIALECT = Dialect(NAME, "TorchServe", translate, recognise, parted)

__all__ = ["DIALECT"]

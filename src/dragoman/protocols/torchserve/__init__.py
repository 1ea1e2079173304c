"""TorchServe's protocols: predictions, explanations, ping and the description of itself; management."""

from dragoman.protocols.torchserve.management import make_protocol as make_management
from dragoman.protocols.torchserve.management.routes import WITHOUT_KEY
from dragoman.protocols.torchserve.routes import make_protocol

__all__ = ["WITHOUT_KEY", "make_management", "make_protocol"]

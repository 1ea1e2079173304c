"""TorchServe's protocols: predictions, explanations, ping and the description of itself; management."""

from dragoman.protocols.torchserve.management import make_protocol as make_management
from dragoman.protocols.torchserve.routes import make_protocol

__all__ = ["make_management", "make_protocol"]

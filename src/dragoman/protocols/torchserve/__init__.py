"""TorchServe's inference protocol: predictions, explanations, ping and the description of itself."""

from dragoman.protocols.torchserve.routes import make_protocol

__all__ = ["make_protocol"]

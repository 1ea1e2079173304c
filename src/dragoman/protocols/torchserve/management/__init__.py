"""TorchServe's management protocol: models registered, scaled, described and taken away."""

from dragoman.protocols.torchserve.management.routes import make_protocol

__all__ = ["make_protocol"]

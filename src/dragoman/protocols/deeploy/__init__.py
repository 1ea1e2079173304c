"""Deeploy's deployments."""

from dragoman.protocols.deeploy.routes import make_protocol

__all__ = ["make_protocol"]

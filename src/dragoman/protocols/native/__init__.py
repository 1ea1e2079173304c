"""dragoman's own paths: health, readiness and the table of models."""

from dragoman.protocols.native.routes import PROTOCOL

__all__ = ["PROTOCOL"]

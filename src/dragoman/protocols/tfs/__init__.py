"""TensorFlow Serving."""

from dragoman.protocols.tfs.routes import PROTOCOL

__all__ = ["PROTOCOL"]

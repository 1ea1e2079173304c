"""Model archives with TorchServe's handlers."""

from dragoman.engines.handler.engine import HandlerEngine

__all__ = ["HandlerEngine"]

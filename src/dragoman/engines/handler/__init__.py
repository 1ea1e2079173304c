"""Model archives with TorchServe's handlers."""

from dragoman.engines.handler.engine import HandlerEngine
from dragoman.engines.handler.options import read_gpus

__all__ = ["HandlerEngine", "read_gpus"]

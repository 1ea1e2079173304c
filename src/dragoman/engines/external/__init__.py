"""Models that live in other servers, which speak OpenAI's API, V1 or V2."""

from dragoman.engines.external.engine import ExternalEngine

__all__ = ["ExternalEngine"]

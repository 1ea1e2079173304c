"""KServe V1."""

from dragoman.protocols.kserve_v1.routes import make_protocol

__all__ = ["make_protocol"]

"""The Open Inference Protocol (KServe V2), with Triton's extensions."""

from dragoman.protocols.kserve_v2.routes import make_protocol

__all__ = ["make_protocol"]

"""The Open Inference Protocol (KServe V2), with Triton's extensions."""

from dragoman.protocols.kserve_v2.routes import PROTOCOL

__all__ = ["PROTOCOL"]

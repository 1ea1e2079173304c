"""OpenVINO Model Server: its /v1/config, and TensorFlow Serving's REST protocol as it answers it."""

from dragoman.protocols.ovms.routes import PROTOCOL

__all__ = ["PROTOCOL"]

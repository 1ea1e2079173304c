"""The engine `openvino`: OpenVINO's own files, and whatever else OpenVINO reads."""

from dragoman.engines.openvino.engine import OpenVinoEngine

__all__ = ["OpenVinoEngine"]

"""The engine `onnx`: ONNX files through onnxruntime."""

from dragoman.engines.onnx.engine import OnnxEngine

__all__ = ["OnnxEngine"]

"""The engine `tflite`: TensorFlow Lite files through LiteRT."""

from dragoman.engines.tflite.engine import TfLiteEngine

__all__ = ["TfLiteEngine"]

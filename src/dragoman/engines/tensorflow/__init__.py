"""The engine `tensorflow`: SavedModels through TensorFlow."""

from dragoman.engines.tensorflow.engine import TensorFlowEngine

__all__ = ["TensorFlowEngine"]

"""The engine that makes vectors of texts, on onnxruntime or OpenVINO, with `tokenizers`."""

from dragoman.engines.embedder.engine import EmbedderEngine

__all__ = ["EmbedderEngine"]

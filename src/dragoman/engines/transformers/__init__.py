"""Hugging Face's transformers: models that write text, from folders as they are published."""

from dragoman.engines.transformers.engine import TransformersEngine

__all__ = ["TransformersEngine"]

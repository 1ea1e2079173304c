"""OpenVINO GenAI: models that write text, exported to OpenVINO's own files."""

from dragoman.engines.genai.engine import GenAiEngine

__all__ = ["GenAiEngine"]

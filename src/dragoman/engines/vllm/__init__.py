"""vLLM: models that write text on GPUs, in a process of its own, in its own environment where it has one."""

from dragoman.engines.vllm.engine import VllmEngine

__all__ = ["VllmEngine"]

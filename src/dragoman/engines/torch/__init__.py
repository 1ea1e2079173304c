"""The engine `torch`: TorchScript, exported programs, and safetensors with a class, through PyTorch."""

from dragoman.engines.torch.engine import TorchEngine

__all__ = ["TorchEngine"]

"""dragoman: a model server that speaks every inference protocol its users' clients already speak."""

from typing import Final

__version__: Final = "0.1.0"
__all__ = ["__version__"]

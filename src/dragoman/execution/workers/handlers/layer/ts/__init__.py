"""The package that TorchServe's handlers import, as workers provide it.

It runs in the environment of the handler, which may hold nothing but Python: no module of it imports
dragoman, and torch, NumPy, Pillow and the like are imported by the functions that need them.
"""

from ts.version import __version__

__all__ = ["__version__"]

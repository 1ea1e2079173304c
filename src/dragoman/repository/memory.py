"""Memory given back to the system after something big was unloaded.

The C library keeps what is freed for later use, so that a server would look as large as it ever was.
"""

import ctypes
import gc
import sys
from typing import Final

BIG_BYTES: Final = 16 * 1024 * 1024  # of files; a collection takes tens of milliseconds, so not for less


def give_back_memory(freed_bytes: int) -> None:
    """Collect garbage and return free memory to the system, where what was freed is worth it."""
    if freed_bytes < BIG_BYTES:
        return
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim is not None:
            trim(0)

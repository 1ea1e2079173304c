"""How many cores this process may use."""

import os
from typing import Final

MOST_DEFAULT: Final = 4  # of what a model has one per core, unless its options say otherwise


def default_per_core() -> int:
    """One for each core this process may use, bounded: every model has threads of its own."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores, MOST_DEFAULT)

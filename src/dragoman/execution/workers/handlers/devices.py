"""Which GPU a worker is told to use.

The environment of workers is left as it is: a number is an index among the GPUs that CUDA shows there, and
the handler reads it as `gpu_id`.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Final

from msgspec.structs import replace

from dragoman.execution.workers.frames import Load

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
NODE: Final = re.compile(r"nvidia\d+")
NODES: Final = "/dev"
GPU: Final = "gpu"  # among what a worker is told of the handler


class Devices:
    """How many workers use each GPU. For any thread."""

    def __init__(self) -> None:
        self._used: Counter[int] = Counter()
        self._taking = Lock()

    def take(self, among: Sequence[int]) -> int | None:
        """The one of these that the fewest workers use, the first where several are; None = there is none."""
        if not among:
            return None
        with self._taking:
            gpu = min(among, key=lambda one: self._used[one])
            self._used[gpu] += 1
        return gpu

    def give_back(self, gpu: int | None) -> None:
        """A worker uses it no more."""
        if gpu is not None:
            with self._taking:
                self._used[gpu] -= 1


def on_gpu(load: Load, gpu: int | None) -> Load:
    """What a worker that uses this GPU is to load."""
    return replace(load, options={**load.options, GPU: gpu})


def count_gpus(environment: Mapping[str, str], nodes: Iterable[str]) -> int:
    """How many GPUs workers see: those that the environment leaves of the device files that there are.

    CUDA looks at the list in the environment up to the first entry that is no device, so -1 ends it.
    """
    there = sum(NODE.fullmatch(node) is not None for node in nodes)
    visible = environment.get(VISIBLE)
    if visible is None:
        return there
    entries = [entry.strip() for entry in visible.split(",")]
    ends = (at for at, entry in enumerate(entries) if entry in ("", "-1"))
    return min(next(ends, len(entries)), there)


def gpus_here() -> int:
    """How many GPUs workers see on this machine."""
    return count_gpus(os.environ, os.listdir(NODES))

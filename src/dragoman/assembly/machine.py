"""How busy this machine is, in TorchServe's words: its CPU, memory and disk, and the GPUs that workers see.

Linux tells it in /proc; elsewhere what is not told is left out. NVIDIA's own program tells of its GPUs.
"""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MB: Final = 1 << 20
GB: Final = 1 << 30
KB: Final = 1 << 10
STAT: Final = Path("/proc/stat")
MEMORY: Final = Path("/proc/meminfo")
IDLE: Final = slice(3, 5)  # of the times in a line of /proc/stat: idle, and waiting for a disk
GUEST: Final = 8  # the times from here on are counted among the others already
GPUS: Final = (
    "nvidia-smi",
    "--query-gpu=index,utilization.memory,memory.used,utilization.gpu",
    "--format=csv,noheader,nounits",
)
GPU_NAMES: Final = ("GPUMemoryUtilization", "GPUMemoryUsed", "GPUUtilization")
GPUS_S: Final = 10.0

Sample = tuple[str, float, tuple[str, ...]]  # name, value, labels beside the host's


class Machine:
    """Asked now and then, on any one thread; how busy the CPU is counts from the time before."""

    def __init__(self) -> None:
        self._busy = self._all = 0

    def samples(self) -> Iterator[Sample]:
        """Everything that can be told, but for the GPUs."""
        with suppress(OSError, ValueError, IndexError):
            yield "CPUUtilization", self._cpu(), ("Host",)
        with suppress(OSError, ValueError, KeyError):
            yield from memory()
        with suppress(OSError):
            yield from disk()

    def _cpu(self) -> float:
        line = STAT.read_text(encoding="ascii").splitlines()[0]
        times = [int(word) for word in line.split()[1 : GUEST + 1]]
        total, busy = sum(times), sum(times) - sum(times[IDLE])
        passed, worked = total - self._all, busy - self._busy
        self._all, self._busy = total, busy
        return round(100 * worked / passed, 1) if passed else 0.0


def memory() -> Iterator[Sample]:
    """The memory of the machine."""
    lines = (line.split() for line in MEMORY.read_text(encoding="ascii").splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) * KB for words in lines if len(words) > 1}
    total, available = sizes["MemTotal"], sizes["MemAvailable"]
    yield "MemoryUsed", (total - available) / MB, ("Host",)
    yield "MemoryAvailable", available / MB, ("Host",)
    yield "MemoryUtilization", round(100 * (total - available) / total, 1), ("Host",)


def disk() -> Iterator[Sample]:
    """The disk that the system is on."""
    _, used, free = shutil.disk_usage("/")
    yield "DiskUsage", used / GB, ("Host",)
    yield "DiskUtilization", round(100 * used / max(used + free, 1), 1), ("Host",)
    yield "DiskAvailable", free / GB, ("Host",)


async def gpu_samples(gpus: int) -> list[Sample]:
    """What NVIDIA's program tells of so many GPUs; nothing where it is not there or does not answer."""
    if not gpus:
        return []
    try:
        process = await asyncio.create_subprocess_exec(*GPUS, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return []
    try:
        async with asyncio.timeout(GPUS_S):
            told, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return []
    return list(read_gpus(told.decode("utf-8", "replace"), gpus))


def read_gpus(told: str, gpus: int) -> Iterator[Sample]:
    """What stands in its table; a GPU that does not tell a figure says [N/A]."""
    for line in told.splitlines()[:gpus]:
        index, *figures = (word.strip() for word in line.split(","))
        for name, figure in zip(GPU_NAMES, figures, strict=False):
            with suppress(ValueError):
                yield name, float(figure), ("Host", index)

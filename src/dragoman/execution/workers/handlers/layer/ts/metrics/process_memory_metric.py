"""The memory of processes, as the kernel tells it."""

import logging
import os
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)


def get_cpu_usage(pid: int | str) -> int:
    """The bytes of a process that lie in memory; 0 where there is no such process."""
    try:
        pages = Path(f"/proc/{int(pid)}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, ValueError):
        logger.error("there is no process %s", pid)
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def check_process_mem_usage(stdin: IO[str]) -> None:
    """Log the memory of each process of a line of numbers with commas between."""
    for pid in stdin.readline().strip().split(","):
        if pid:
            logger.info("%s:%d", pid, get_cpu_usage(pid))

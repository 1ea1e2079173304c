"""Memory that the server and one worker both see: where large tensors lie on their way.

It has no name, so that nothing is left behind whichever process dies, and it is sealed: a worker that shrank
it would kill the server at its next read. Every slot has a fixed part of it, larger than tensors should be;
only the pages that were written to take memory, and of those a slot keeps `KEPT_BYTES`.
"""

import fcntl
import mmap
import os
from typing import Final

MIB: Final = 1024 * 1024
SLOT_BYTES: Final = 1024 * MIB  # address space only
KEPT_BYTES: Final = 64 * MIB
MOST_SLOTS: Final = 16


class MemoryClosedError(Exception):
    """The memory was given back: its worker has ended."""


class SharedMemory:
    """A part of memory per slot, mapped when it is first used."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._slots: dict[int, mmap.mmap] = {}

    def slot(self, index: int) -> mmap.mmap:
        """The memory of one slot.

        Errors: MemoryClosedError.
        """
        found = self._slots.get(index)
        if found is None:
            if self.fd < 0:
                raise MemoryClosedError
            found = self._slots[index] = mmap.mmap(self.fd, SLOT_BYTES, offset=index * SLOT_BYTES)
        return found

    def close(self) -> None:
        """Let go of it. The memory is free as soon as whoever uses it now has, and the other process, too."""
        self._slots.clear()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def create_memory() -> SharedMemory:
    """New memory for the slots of one worker."""
    fd = os.memfd_create("dragoman-tensors", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, SLOT_BYTES * MOST_SLOTS)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return SharedMemory(fd)


def trim(slot: mmap.mmap, used_bytes: int) -> None:
    """Give back what a large call took of a slot beyond the bytes that are kept."""
    if used_bytes > KEPT_BYTES:
        slot.madvise(mmap.MADV_REMOVE, KEPT_BYTES, SLOT_BYTES - KEPT_BYTES)

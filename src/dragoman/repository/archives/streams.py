"""Files as the readers of archives get them: none can be made to take more memory than it should."""

import os
from typing import IO, Final

MOST_AT_ONCE: Final = 64 * 1024  # of a tar: its headers are smaller, and data is read in such pieces
BLOCK_BYTES: Final = 512  # of a tar
END_BYTES: Final = 1024 * 1024  # of padding behind a tar's end


class TooMuchError(Exception):
    """A reader wants more at once than any good archive needs."""


class CountedFile:
    """A file that knows how much of it was read: `taken` bytes. Whoever opened it closes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes; all that are left without a size."""
        data = self._file.read(size)
        self.taken += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place.

        Errors: ValueError for one before the beginning, where damaged headers lead.
        """
        if whence == os.SEEK_SET and offset < 0:
            raise ValueError("it is damaged")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Whether places can be gone to."""
        return True


class BoundedFile(CountedFile):
    """The same, of which only so much can be read at once."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        super().__init__(file)
        self._most = most

    def read(self, size: int = -1) -> bytes:
        """The next bytes; all that are left without a size."""
        data = super().read(min(self._most + 1, size) if size >= 0 else self._most + 1)
        if len(data) > self._most:
            raise TooMuchError("its directory is too large for its members")
        return data


class ForwardStream:
    """A stream that can be read on from where it is, to `most` bytes; what is skipped is read and dropped."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._most = most
        self._place = 0
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as many as asked for unless the stream ends."""
        if not 0 <= size <= MOST_AT_ONCE:
            raise TooMuchError("one of its headers is too large")
        self._last = self._stream.read(size)
        self._place += len(self._last)
        if self._place > self._most:
            raise TooMuchError(f"it holds more than {self._most} bytes")
        return self._last

    def tell(self) -> int:
        """How many bytes were read."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Read on to a place."""
        if whence != os.SEEK_SET or offset < self._place:
            raise TooMuchError("its members do not follow one another")
        while self._place < offset and self.read(min(offset - self._place, MOST_AT_ONCE)):
            pass
        return self._place

    def seekable(self) -> bool:
        """Whether places can be gone to: those that lie ahead."""
        return True

    @property
    def ends_in_zeros(self) -> bool:
        """Whether what was read last is the mark of an end."""
        return self._last == bytes(BLOCK_BYTES)

    def drain(self) -> None:
        """Read to the end, so that the stream's checksum is looked at."""
        end = self._place + END_BYTES
        while self.read(MOST_AT_ONCE):
            if self._place > end:
                raise TooMuchError("much follows behind its end")

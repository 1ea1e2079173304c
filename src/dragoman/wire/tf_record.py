"""TFRecord, TensorFlow's file of records: length, its checksum, data, its checksum, over and over.

The length is a little-endian uint64. A checksum is a CRC-32C, masked.
"""

from collections.abc import Iterator
from typing import Final

from dragoman.core.crc32c import masked_crc32c
from dragoman.core.errors import Code, DragomanError
from dragoman.wire.proto_fields import Data

LENGTH_BYTES: Final = 8
CHECKSUM_BYTES: Final = 4


def records(data: Data) -> Iterator[Data]:
    """The records of a file.

    Errors: INTERNAL where a checksum is wrong or the file ends within a record.
    """
    at = 0
    while at < len(data):
        size, start = _checked(data, at, LENGTH_BYTES)
        length = int.from_bytes(size, "little")
        record, end = _checked(data, start, length)
        yield record
        at = end


def write_record(data: bytes) -> bytes:
    """One record of a file."""
    length = len(data).to_bytes(LENGTH_BYTES, "little")
    return b"".join((length, _checksum(length), data, _checksum(data)))


def _checked(data: Data, start: int, size: int) -> tuple[Data, int]:
    """So many bytes from there, whose checksum follows them, and where that ends."""
    stop = start + size
    end = stop + CHECKSUM_BYTES
    if end > len(data):
        raise damaged(f"truncated record at {start}")
    part = data[start:stop]
    if _checksum(part) != data[stop:end]:
        raise damaged(f"corrupted record at {start}")
    return part, end


def _checksum(data: Data) -> bytes:
    return masked_crc32c(data).to_bytes(CHECKSUM_BYTES, "little")


def damaged(why: str) -> DragomanError:
    """The error for a file that is damaged or of another kind; TensorFlow calls it DATA_LOSS."""
    return DragomanError(Code.INTERNAL, f"data loss: {why}; is it in the TFRecord format?")

"""TFRecord, TensorFlow's file of records: length, its checksum, data, its checksum, over and over.

The length is a little-endian uint64. A checksum is a CRC-32C, rotated and offset ("masked") so that a record
which holds records does not have checksums of checksums.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.wire.proto_fields import Data

POLYNOMIAL: Final = 0x82F63B78  # Castagnoli's, lowest bit first
MASK: Final = 0xA282EAD8
ALL_ONES: Final = 0xFFFFFFFF
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


def masked_crc32c(data: Data) -> int:
    """The checksum of a record's parts."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK) & ALL_ONES


def crc32c(data: Data) -> int:
    """The CRC-32C of some bytes: about 15 MB a second, enough for files that are read once."""
    table = crc_table()
    crc = ALL_ONES
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ ALL_ONES


@cache
def crc_table() -> tuple[int, ...]:
    """What each byte does to the checksum."""
    made = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
        made.append(crc)
    return tuple(made)


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

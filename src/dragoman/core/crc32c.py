"""CRC-32C, the checksum of TensorFlow's files, which Python does not bring."""

from functools import cache
from typing import Final

POLYNOMIAL: Final = 0x82F63B78  # Castagnoli's, lowest bit first
MASK: Final = 0xA282EAD8
ALL_ONES: Final = 0xFFFFFFFF


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum, rotated and offset, so that data which holds checksums does not have one of checksums."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK) & ALL_ONES


def crc32c(data: bytes | memoryview) -> int:
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

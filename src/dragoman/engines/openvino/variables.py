"""Whether the index of a SavedModel's variables is whole, which OpenVINO does not ask before it reads it.

The index is a table of LevelDB's: blocks, each followed by its kind and its checksum, and a footer that says
where the block of metadata and that of all other blocks' places are.
Source: LevelDB, "doc/table_format.md"; TensorFlow, "tensor_bundle.cc".
"""

import os
from collections.abc import Iterator
from typing import Final

from dragoman.core.crc32c import masked_crc32c

INDEX: Final = os.path.join("variables", "variables.index")
MAGIC: Final = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER_BYTES: Final = 48
KIND_BYTES: Final = 1
CHECKSUM_BYTES: Final = 4
COUNT_BYTES: Final = 4  # of places at which a block can be entered, each as long, at the end of the block


def check_variables(folder: str) -> None:
    """Nothing, for a SavedModel whose index of variables is whole, or that has none.

    Errors: ValueError where it was cut off or changed.
    """
    try:
        with open(os.path.join(folder, INDEX), "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return
    footer = content[-FOOTER_BYTES:]
    if len(footer) < FOOTER_BYTES or not footer.endswith(MAGIC):
        raise ValueError("it does not end as a table does")
    at = 0
    places = []
    for _ in ("metadata", "places of blocks"):
        start, at = varint(footer, at)
        size, at = varint(footer, at)
        places.append(block(content, start, size))
    for start, size in handles(places[-1]):
        block(content, start, size)


def block(content: bytes, start: int, size: int) -> bytes:
    """What a block holds.

    Errors: ValueError where its checksum is another.
    """
    end = start + size + KIND_BYTES
    given = content[end : end + CHECKSUM_BYTES]
    if masked_crc32c(content[start:end]).to_bytes(CHECKSUM_BYTES, "little") != given:
        raise ValueError(f"the block at {start} has another checksum than it should")
    return content[start : start + size]


def handles(index: bytes) -> Iterator[tuple[int, int]]:
    """Where the blocks are that a block names, and how long they are."""
    entrances = int.from_bytes(index[-COUNT_BYTES:], "little")
    end = len(index) - COUNT_BYTES * (1 + entrances)
    at = 0
    while at < end:
        _, at = varint(index, at)  # how much of its key is that of the one before
        key, at = varint(index, at)
        value, at = varint(index, at)
        start, after = varint(index, at + key)
        size, _ = varint(index, after)
        yield start, size
        at += key + value


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number there, of seven bits a byte, lowest first; and where it ends.

    Errors: ValueError where the data end before it does.
    """
    number = shift = 0
    for place in range(at, len(data)):
        number |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            return number, place + 1
        shift += 7
    raise ValueError("a number has no end")

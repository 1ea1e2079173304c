"""Bodies sent with `Content-Encoding: gzip`."""

import zlib
from typing import Final

from dragoman.core.errors import Code, DragomanError

GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to say: with a gzip head and tail
MAGIC: Final = b"\x1f\x8b"
STEP_BYTES: Final = 64 * 1024
MAX_MEMBERS: Final = 1024  # each one costs a copy of the rest of a step


def inflate(body: bytes | bytearray | memoryview, max_bytes: int) -> bytes:
    """What was compressed; empty where the body is no complete gzip, as TensorFlow Serving takes it.

    A body may consist of several members; bytes after the last one that are no gzip are ignored.
    Errors: TOO_LARGE beyond `max_bytes`.
    """
    rest = memoryview(body)
    whole = bytearray()
    for _ in range(MAX_MEMBERS):
        used = _inflate_member(rest, whole, max_bytes)
        if used is None:
            return b""
        rest = rest[used:]
        if bytes(rest[:2]) != MAGIC:
            break
    return bytes(whole)


def _inflate_member(data: memoryview, whole: bytearray, max_bytes: int) -> int | None:
    """Append one member to `whole`. The number of bytes it took, or None where it is broken or cut off."""
    member = zlib.decompressobj(GZIP)
    taken = 0
    try:
        while taken < len(data) and not member.eof:
            step = data[taken : taken + STEP_BYTES]
            whole += member.decompress(step, max_bytes + 1 - len(whole))
            if len(whole) > max_bytes:
                raise DragomanError(
                    Code.TOO_LARGE, f"the body inflates to more than {max_bytes} bytes (limit inflated_bytes)"
                )
            taken += len(step) - len(member.unconsumed_tail) - len(member.unused_data)
    except zlib.error:
        return None
    return taken if member.eof else None

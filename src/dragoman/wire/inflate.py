"""Compressed bodies: `Content-Encoding: gzip`, and `deflate`, which is zlib's form."""

import zlib
from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid

GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to say: with a gzip head and tail
FORMS: Final[Mapping[bytes, int]] = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": zlib.MAX_WBITS}
MAGIC: Final = b"\x1f\x8b"
STEP_BYTES: Final = 64 * 1024
MAX_MEMBERS: Final = 1024  # each one costs a copy of the rest of a step

Body = bytes | bytearray | memoryview


def inflate(body: Body, max_bytes: int) -> bytes:
    """What a gzip held; empty where the body is no complete one, as TensorFlow Serving takes it.

    A body may consist of several members; bytes after the last one that are no gzip are ignored.
    Errors: TOO_LARGE beyond `max_bytes`.
    """
    whole, _ = _inflate_members(body, GZIP, max_bytes)
    return b"" if whole is None else bytes(whole)


def inflate_whole(body: Body, coding: bytes, max_bytes: int) -> bytes:
    """What was compressed in one of the FORMS, where that is all there is.

    Errors: INVALID_ARGUMENT for a body that is broken, cut off or goes on after its end; TOO_LARGE beyond
    `max_bytes`.
    """
    whole, rest = _inflate_members(body, FORMS[coding], max_bytes)
    if whole is None:
        raise invalid(f"the body is not complete {coding.decode()} data, as its Content-Encoding says")
    if rest:
        raise invalid(f"{rest} bytes follow the end of the body's {coding.decode()} data")
    return bytes(whole)


def _inflate_members(body: Body, form: int, max_bytes: int) -> tuple[bytearray | None, int]:
    """What the members held, None where one is broken, and how many bytes follow them."""
    rest = memoryview(body)
    whole = bytearray()
    for _ in range(MAX_MEMBERS):
        used = _inflate_member(rest, whole, form, max_bytes)
        if used is None:
            return None, 0
        rest = rest[used:]
        if form != GZIP or bytes(rest[:2]) != MAGIC:
            break
    return whole, len(rest)


def _inflate_member(data: memoryview, whole: bytearray, form: int, max_bytes: int) -> int | None:
    """Append one member to `whole`. The number of bytes it took, or None where it is broken or cut off."""
    member = zlib.decompressobj(form)
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

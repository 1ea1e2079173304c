"""Heads of one connection's streams, read once for all blocks that are alike."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from dragoman.transports.grpc.http2.hpack import HeaderDecoder
from dragoman.transports.grpc.http2.static_table import Field

T = TypeVar("T")
KEPT: Final = 32
KEPT_BYTES: Final = 1024  # of a block; clients' usual ones have a tenth


class HeadReader(Generic[T]):
    """What `make` makes of a block's fields, or of None where they are too many.

    A block that changes no table means the same until another one does: until then it is kept. `make` looks
    at the fields alone, and what it makes is shared.
    """

    __slots__ = ("_decoder", "_kept", "_make", "most")

    def __init__(self, make: Callable[[list[Field] | None], T], most: int) -> None:
        self._make = make
        self.most = most
        self._decoder = HeaderDecoder(most)
        self._kept: dict[bytes, T] = {}

    def read(self, block: bytes) -> T:
        """The head.

        Errors: as `HeaderDecoder.decode`.
        """
        found = self._kept.get(block)
        if found is not None:
            return found
        decoder, kept = self._decoder, self._kept
        before = decoder.changes
        fields = decoder.decode(block)
        made = self._make(None if decoder.too_large else fields)
        if decoder.changes != before:
            kept.clear()
        elif len(block) <= KEPT_BYTES:
            if len(kept) >= KEPT:
                kept.clear()
            kept[block] = made
        return made

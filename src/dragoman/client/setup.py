"""What a transport is made from."""

import time
from collections.abc import Callable

from msgspec import Struct

from dragoman.client.address import Address
from dragoman.client.credentials import Headers
from dragoman.client.tls import Tls


class Setup(Struct, frozen=True):
    """A server, what every request to it says, and what an answer may take. `now` is a monotonic clock."""

    address: Address
    headers: Headers
    tls: Tls | None
    max_answer_bytes: int
    now: Callable[[], float] = time.monotonic

    def deadline(self, limit_s: float | None) -> float | None:
        """The moment that is so far away; None = never."""
        return None if limit_s is None else self.now() + limit_s

"""When a call is made again, and after which pause.

1. A call is made again where nobody answered (ConnectionFailed) or the server answered UNAVAILABLE (HTTP
   503). Nothing else that goes wrong is mended by a second try.
2. Calls that change something (load, unload) are made again only where the connection was never made.
3. Pauses grow by `factor` up to `longest_s`; of each, a random part is waited (full jitter), so that clients
   which failed together do not come back together.
4. A server that says when to come again (Retry-After) is not asked earlier.
5. A pause that would outlast the call's time is not begun: the failure is told at once.
"""

from typing import Final

from msgspec import Struct

from dragoman.client.errors import ClientError, Code, ConnectionFailed, ServerError

MAX_STEPS: Final = 64  # pauses have long reached `longest_s` then, and a float can hold the number


class Retries(Struct, frozen=True, kw_only=True):
    """How often a call is made again, and after which pauses, in seconds."""

    count: int = 2
    first_s: float = 0.1
    factor: float = 3.0
    longest_s: float = 5.0

    def pause_s(self, attempt: int, error: ClientError, random: float) -> float:
        """Seconds to wait before attempt `attempt`, which is 1 for the first retry; `random` is 0 to 1."""
        growth = self.factor ** min(attempt - 1, MAX_STEPS)
        backoff_s = min(self.longest_s, self.first_s * growth) * random
        asked_s = error.retry_after_s if isinstance(error, ServerError) else None
        return max(backoff_s, asked_s or 0.0)


def may_repeat(error: ClientError, *, repeatable: bool) -> bool:
    """Whether a call that failed so may be made again."""
    if isinstance(error, ServerError):
        return repeatable and error.code is Code.UNAVAILABLE
    return isinstance(error, ConnectionFailed) and (repeatable or not error.sent)

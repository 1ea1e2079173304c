"""The pieces of one request on their way from the engine to who reads them.

1. A reader that keeps up gets each step's pieces as they come. One that does not finds what has come
   meanwhile; beyond `MOST_APART` pieces those of one text are joined. Nothing waits for a reader.
2. A reader that waits for `SILENCE_S` gets an empty part, which shows that the model is still at it.
3. The deadline ends the wait, whatever the engine does.
"""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Final

from dragoman.core.generation import Piece
from dragoman.execution.deadlines import overdue

MOST_APART: Final = 16
MOST_KEPT: Final = 256  # pieces that wait before they are joined where they wait
SILENCE_S: Final = 15.0


class Answer:
    """What one request gets. `open` = how many of its texts are not done."""

    def __init__(self, count: int, deadline_s: float | None, silence_s: float = SILENCE_S) -> None:
        self.open = count
        self._loop = asyncio.get_running_loop()
        self._pieces: list[Piece] = []
        self._error: Exception | None = None
        self._wakeup: asyncio.Future[None] | None = None
        self._silence_s = silence_s
        self._deadline_s = deadline_s
        self._heard_s = monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._arm()

    def put(self, piece: Piece) -> None:
        """One more piece."""
        self._pieces.append(piece)
        if len(self._pieces) > MOST_KEPT:
            self._pieces = joined(self._pieces)
        if piece.finish is not None:
            self.open -= 1
        self._wake()

    def fail(self, error: Exception) -> None:
        """No more pieces come, and why."""
        if self._error is None:
            self._error = error
        self._wake()

    async def next(self) -> Sequence[Piece] | None:
        """What has come, or comes next; empty after a silence, None after the last.

        Errors: that of the engine; DEADLINE_EXCEEDED.
        """
        if not self._pieces and self._error is None and self.open:
            self._wakeup = self._loop.create_future()
            await self._wakeup
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._heard_s = monotonic()
            return joined(pieces) if len(pieces) > MOST_APART else pieces
        if self._error is not None:
            raise self._error
        return () if self.open else None

    def close(self) -> None:
        """Nobody reads on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        wakeup = self._wakeup
        if wakeup is not None:
            self._wakeup = None
            if not wakeup.done():
                wakeup.set_result(None)

    def _arm(self) -> None:
        due_s = self._heard_s + self._silence_s
        if self._deadline_s is not None:
            due_s = min(due_s, self._deadline_s)
        self._timer = self._loop.call_later(max(0.0, due_s - monotonic()), self._tick)

    def _tick(self) -> None:
        now_s = monotonic()
        if self._deadline_s is not None and now_s >= self._deadline_s:
            self._timer = None
            self.fail(overdue())
            return
        if now_s - self._heard_s >= self._silence_s:
            self._heard_s = now_s
            self._wake()
        self._arm()


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """One piece for each text, in the order in which they began."""
    found: dict[int, list[Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.choice, []).append(piece)
    return [
        Piece(
            choice,
            "".join(part.text for part in parts),
            [score for part in parts for score in part.tokens],
            parts[-1].finish,
            "".join(part.thought for part in parts),
            [call for part in parts for call in part.calls],
        )
        for choice, parts in found.items()
    ]

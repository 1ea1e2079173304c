"""The messages of a stream that wait to be taken."""

import asyncio
from collections import deque
from collections.abc import Callable

from dragoman.transports.grpc.messages import Arrived, CallFault, Message, Packed


class Inbox:
    """An iterator over messages as they come. `taken` is called for each.

    `closed` = the server stops; `broken` = the fault that broke them off.
    """

    __slots__ = ("_ended", "_messages", "_taken", "_waiter", "broken", "closed")

    def __init__(self, taken: Callable[[], None]) -> None:
        self._messages: deque[Arrived] = deque()
        self._taken = taken
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self.broken: CallFault | None = None
        self.closed = False

    @property
    def waiting(self) -> bool:
        """Whether messages wait."""
        return bool(self._messages)

    def put(self, message: Arrived) -> None:
        """One more."""
        self._messages.append(message)
        self._wake()

    def end(self, fault: CallFault | None = None) -> None:
        """There are no more."""
        self._ended = True
        self.broken = self.broken or fault
        self._wake()

    def close(self) -> None:
        """Take no more, whatever comes."""
        self.closed = True
        self._wake()

    def __aiter__(self) -> "Inbox":
        return self

    async def __anext__(self) -> Message:
        while not self.closed:
            if self._messages:
                message = self._messages.popleft()
                self._taken()
                if not isinstance(message, Packed):
                    return message
                try:
                    return await message.message()
                except CallFault as fault:
                    self._messages.clear()
                    self.end(fault)
            if self._ended:
                break
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        raise StopAsyncIteration

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

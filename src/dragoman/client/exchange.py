"""What goes between the parts of the client: requests, answers, and the steps of a call.

    Calls (what a call does)  --steps-->  a driver (Client or AsyncClient)  --requests-->  a transport
       |  builds and reads them with
       codec (REST or gRPC): pure functions

A call is a generator: it yields steps, and is sent what came of each, or has the failure thrown at it. So
there is one text of every call, and a driver each for threads and for asyncio that can do nothing but steps.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from dragoman.client.results import Result

T = TypeVar("T")
Buffer = bytes | bytearray | memoryview


class Request(Struct, frozen=True):
    """One request. `path` is HTTP's, percent-encoded and without the server's prefix, or gRPC's method.

    `body` is sent part after part, so that a large tensor is not copied into it.
    """

    path: str
    body: Sequence[Buffer] = ()
    headers: Sequence[tuple[str, str]] = ()
    method: str = "POST"
    repeatable: bool = True  # whether it may be sent again although the server may have done it


class Answer(Struct, frozen=True):
    """One answer, whatever its status. `status` is HTTP's, and 0 over gRPC, where failures never come so far.

    `headers` have lower-case names. Whoever reads the body may keep views of it.
    """

    body: Buffer
    status: int = 0
    headers: Mapping[str, str] = {}


class Exchange(Struct, Generic[T], frozen=True):
    """A request, and the function that reads its answer.

    Errors: `read` raises ServerError and BadAnswer.
    """

    request: Request
    read: Callable[[Answer], T]


class PartsReader:
    """Reads an answer that comes in parts."""

    def feed(self, part: Buffer) -> Sequence[Result]:
        """The results that are complete now.

        Errors: ServerError and BadAnswer.
        """
        raise NotImplementedError

    def end(self) -> None:
        """There are no more parts.

        Errors: BadAnswer where something was cut off.
        """


class Send(Struct, frozen=True):
    """A step: send the request; an Answer comes back. `deadline` is a moment of the monotonic clock."""

    request: Request
    deadline: float | None


class Open(Struct, frozen=True):
    """A step: send the request, and wait for the head of an answer that comes in parts; Opened comes back.

    `silence_s` = the longest wait for the next part.
    """

    request: Request
    deadline: float | None
    silence_s: float | None


class Pause(Struct, frozen=True):
    """A step: wait; None comes back."""

    seconds: float


class Parts(Protocol):
    """The parts of an answer that has begun. How they are read only the transport's own client knows."""

    def abandon(self) -> None:
        """Nobody reads on."""


class Opened(Struct, frozen=True):
    """The head of an answer, and its parts; none for an answer that failed, whose body is whole then."""

    answer: Answer
    parts: Parts | None


class Streamed(Struct, frozen=True):
    """An answer that comes in parts, who reads them, and who tells errors what they are about."""

    parts: Any  # Parts, of the transport that the client has
    reader: PartsReader
    about: AbstractContextManager[None]


Step = Send | Open | Pause
Flow = Generator[Step, Any, T]

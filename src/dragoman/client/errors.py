"""Everything that can go wrong with a call, as the caller sees it.

    Exception
     +-- ClientError            message, url, model: whatever goes wrong is one of these
          +-- InvalidInput      what was to be sent cannot be; also a ValueError
          +-- ConnectionFailed  nobody answered: no such host, refused, broken off, a certificate not trusted
          +-- TimedOut          the time that the call was given is over
          +-- BadAnswer         what came back is not what the protocol says, or larger than it may be
          +-- ServerError       the server answered that it could not: code, status, retry_after_s

A call that is given up because its task or thread was told to raises what it was told with.
"""

from typing import Final

from dragoman.core.errors import Code

__all__ = ["BadAnswer", "ClientError", "Code", "ConnectionFailed", "InvalidInput", "ServerError", "TimedOut"]

MAX_MESSAGE: Final = 4096  # characters of what a server says; more is cut off


class ClientError(Exception):
    """A call that failed. `model` is None where no model was asked for."""

    def __init__(self, message: str, *, url: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.url = url
        self.model = model

    def __str__(self) -> str:
        where = [f"model {self.model!r}" if self.model is not None else "", self.url or ""]
        told = "; ".join(filter(None, [self.detail, " at ".join(filter(None, where))]))
        return f"{self.message} ({told})" if told else self.message

    @property
    def detail(self) -> str:
        """What else there is to say in brackets."""
        return ""


class InvalidInput(ClientError, ValueError):  # what Python calls a value that does not fit
    """What was to be sent cannot be: a value that the type does not hold, a name that the model lacks."""


class ConnectionFailed(ClientError):
    """Nobody answered. `sent` = part of the request had gone out, so the server may have done it."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TimedOut(ClientError):
    """The time that the call was given is over. Whether the server has done it is not known."""


class BadAnswer(ClientError):
    """The answer is not what the protocol says, or larger than it may be."""


class ServerError(ClientError):
    """The server answered that it could not.

    `code` is the same over HTTP and gRPC. `status` is the number that came: HTTP's, or gRPC's.
    `retry_after_s` is set where the server said when to come again.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Code,
        status: int,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}...")
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def detail(self) -> str:
        """The code, and the number where it says more."""
        return f"{self.code.name}, HTTP {self.status}" if self.status >= 100 else self.code.name

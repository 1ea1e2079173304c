"""gRPC for threads."""

import threading
from typing import Any

import grpc

from dragoman.client.errors import ClientError, TimedOut
from dragoman.client.exchange import Answer, Opened, Request
from dragoman.client.setup import Setup
from dragoman.client.transports.grpc_channels import channel_credentials, channel_options
from dragoman.client.transports.grpc_failures import SLACK_S, no_rpc, told


class BlockingGrpc:
    """Sends messages to one server; any number of threads may use it at once."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        options = channel_options(setup.max_answer_bytes)
        credentials = channel_credentials(setup.address, setup.tls)
        if credentials is None:
            self._channel = grpc.insecure_channel(setup.address.authority, options)
        else:
            self._channel = grpc.secure_channel(setup.address.authority, credentials, options)
        self._methods: dict[str, Any] = {}

    def send(self, request: Request, deadline: float | None) -> Answer:
        """The answer.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        method = self._methods.get(request.path)
        if method is None:
            method = self._methods[request.path] = self._channel.unary_unary(request.path)
        metadata = (*self._setup.headers, *request.headers)
        try:
            return Answer(method(b"".join(request.body), self._left_s(deadline), metadata))
        except grpc.RpcError as error:
            raise self._failure(error, deadline) from None

    def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Opened:
        """The parts of an answer, of which the first has come.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        # On the wire a message is a stream of one. Sent as a message it goes out together with the stream's
        # end, so that a server which has already answered cannot come between the two.
        method: Any = self._channel.unary_stream(request.path)
        call = method(b"".join(request.body), metadata=(*self._setup.headers, *request.headers))
        parts = GrpcParts(call, silence_s)
        parts.begin(self._left_s(deadline))
        return Opened(Answer(b""), parts)

    def close(self) -> None:
        """Close the channel; calls that have not ended are cancelled."""
        self._channel.close()

    def _left_s(self, deadline: float | None) -> float | None:
        if deadline is None:
            return None
        left_s = deadline - self._setup.now()
        if left_s <= 0:
            raise TimedOut("no answer came in time")
        return left_s

    def _failure(self, error: Any, deadline: float | None) -> ClientError:
        return no_rpc(*told(error), late=deadline is not None and self._setup.now() >= deadline - SLACK_S)


class GrpcParts:
    """The parts of an answer, as they come."""

    def __init__(self, call: Any, silence_s: float | None) -> None:
        self._call = call
        self._silence_s = silence_s
        self._ahead: list[bytes | None] = []

    def begin(self, limit_s: float | None) -> None:
        """Read the first part: only it tells that the call has come about.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        self._ahead.append(self._read(limit_s))

    def next(self) -> bytes | None:
        """The next part; None at the end.

        Errors: ConnectionFailed, TimedOut, ServerError, BadAnswer.
        """
        return self._ahead.pop() if self._ahead else self._read(self._silence_s)

    def abandon(self) -> None:
        """Nobody reads on."""
        self._call.cancel()

    def _read(self, limit_s: float | None) -> bytes | None:
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._call.cancel()

        timer = None if limit_s is None else threading.Timer(limit_s, stop)
        if timer is not None:  # gRPC bounds whole streams, not the wait for a part
            timer.daemon = True
            timer.start()
        try:
            part: bytes | None = next(self._call, None)
        except grpc.RpcError as error:
            raise no_rpc(*told(error), late=late.is_set()) from None
        finally:
            if timer is not None:
                timer.cancel()
        return part

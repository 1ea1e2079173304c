"""What both clients are made from: an address, who calls, and the rules of time."""

import random
import time
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, Final, TypeVar, get_args

from dragoman.client.address import Address, parse_address
from dragoman.client.attempts import Attempts
from dragoman.client.calls import Calls
from dragoman.client.codec import Codec
from dragoman.client.credentials import checked_headers, credential_headers
from dragoman.client.errors import InvalidInput
from dragoman.client.rest import RestCodec
from dragoman.client.retries import Retries
from dragoman.client.setup import Setup
from dragoman.client.tls import Tls

C = TypeVar("C", bound=Callable[..., Any])
TIMEOUT_S: Final = 60.0
MAX_ANSWER_BYTES: Final = 2**31 - 1  # the most that gRPC takes


class Connected:
    """A client of one server. What it may be told, and what it then keeps to."""

    def __init__(  # noqa: PLR0913  all but the first are keywords
        self,
        url: str,
        *,
        timeout_s: float | None = TIMEOUT_S,
        retries: int | Retries = Retries(),  # noqa: B008  it is frozen
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        tls: Tls | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Nothing is sent yet.

        `url` is `http(s)://host:port[/prefix]` or `grpc(s)://host:port`, and may carry `user:password@`.
        `timeout_s` bounds every call with all its tries; None = none does. Who calls is told by `token`, by
        `username` and `password`, or by `api_key`.

        Errors: InvalidInput.
        """
        address = parse_address(url)
        offered = credential_headers(
            address, token=token, username=username, password=password, api_key=api_key
        )
        self.url = address.shown
        self._prepare(Setup(address, offered + checked_headers(headers or {}), tls, max_answer_bytes))
        rules = Retries(count=retries) if isinstance(retries, int) else retries
        if rules.count < 0:
            raise InvalidInput(f"a call is made again 0 times or more, not {rules.count}")
        attempts = Attempts(rules, timeout_s, now=time.monotonic, random=random.random)
        self._calls = Calls(codec_for(address), attempts, self.url)
        self._closed = False

    def _prepare(self, setup: Setup) -> None:
        """Make what moves the bytes."""
        raise NotImplementedError

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInput("the client is closed", url=self.url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


def codec_for(address: Address) -> Codec:
    """What is spoken there."""
    if not address.is_grpc:
        return RestCodec()
    from dragoman.client.rpc import RpcCodec  # noqa: PLC0415  who speaks HTTP need not load protobuf

    return RpcCodec()


def presented(method: C, flow: Callable[..., Any], gives: Any) -> C:
    """The method, with a flow's name, docstring and parameters, for `help` and for editors that run code."""
    wraps(flow)(method)
    shown = vars(method)
    del shown["__wrapped__"]
    shown["__signature__"] = signature(flow).replace(return_annotation=gives)
    return method


def given_by(flow: Callable[..., Any]) -> Any:
    """What a flow gives in the end."""
    return get_args(signature(flow).return_annotation)[-1]

"""Both clients, with a transport that is played: what they do with the steps of a call."""

import asyncio
import inspect
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from dragoman.client import (
    AsyncClient,
    Client,
    ClientError,
    ConnectionFailed,
    InvalidInput,
    Result,
    Retries,
    ServerError,
)
from dragoman.client.exchange import Answer, Opened, Request
from tests.meta.contracts import TREE
from tests.unit.client.driving import answer

METHODS = [name for name in vars(Client) if not name.startswith("_")]
RESULT = answer({"model_name": "m", "outputs": []})
EVENTS = Answer(b"", 200, {"content-type": "text/event-stream"})
EVENT = b'data: {"model_name": "m", "outputs": []}\n\n'
BUSY = answer({"error": "busy"}, 503, retry_after="2")


class Played:
    """Both kinds of transport, and both kinds of parts: gives what it holds, one after another."""

    def __init__(self, *came: Any) -> None:
        self.came = list(came)
        self.pauses: list[float] = []
        self.closed = self.abandoned = False

    def send(self, request: Request, deadline: float | None) -> Any:
        item = self.came.pop(0)
        if isinstance(item, BaseException):
            raise item
        return item

    def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Any:
        return self.send(request, deadline)

    def next(self) -> Any:
        return self.send(Request("/"), None) if self.came else None

    def close(self) -> None:
        self.closed = True

    def abandon(self) -> None:
        self.abandoned = True

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class PlayedAsync(Played):
    """The same, to be awaited."""

    async def send(self, request: Request, deadline: float | None) -> Any:
        return super().send(request, deadline)

    async def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Any:
        return await self.send(request, deadline)

    async def next(self) -> Any:
        return await self.send(Request("/"), None) if self.came else None

    async def close(self) -> None:
        super().close()

    async def sleep(self, seconds: float) -> None:
        super().sleep(seconds)


class Both:
    """One client of either kind, called alike."""

    def __init__(self, asynchronous: bool, *came: Any, **options: Any) -> None:
        self.played = (PlayedAsync if asynchronous else Played)(*came)
        self.client: Any = (AsyncClient if asynchronous else Client)("http://host", **options)
        self.client._transport = self.played
        self.client._sleep = self.played.sleep

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        given = getattr(self.client, name)(*arguments, **options)
        return asyncio.run(given) if inspect.iscoroutine(given) else given

    def stream(self, limit: int = 100) -> list[Result]:
        given = self.client.stream("m", {})
        if isinstance(given, Iterator):
            found = list(islice(given, limit))
            given.close()
            return found

        async def collect() -> list[Result]:
            found = []
            async for result in given:
                found.append(result)
                if len(found) == limit:
                    break
            await given.aclose()
            return found

        return asyncio.run(collect())


@pytest.fixture(params=[False, True], ids=["threads", "asyncio"])
def asynchronous(request: pytest.FixtureRequest) -> bool:
    kind: bool = request.param
    return kind


def test_a_call_gives_what_its_flow_gives(asynchronous: bool) -> None:
    assert Both(asynchronous, RESULT).call("infer", "m", {}).model == "m"


def test_pauses_are_waited(asynchronous: bool) -> None:
    both = Both(asynchronous, BUSY, BUSY, RESULT)
    assert both.call("infer", "m", {}).model == "m"
    assert both.played.pauses == [2, 2]


def test_a_failure_comes_out_as_it_is(asynchronous: bool) -> None:
    with pytest.raises(ConnectionFailed, match="refused"):
        Both(asynchronous, ConnectionFailed("refused", sent=False), retries=0).call("ready")
    with pytest.raises(KeyboardInterrupt):
        Both(asynchronous, KeyboardInterrupt()).call("ready")


def test_a_stream_gives_its_results_and_lets_go(asynchronous: bool) -> None:
    parts = (PlayedAsync if asynchronous else Played)(EVENT, EVENT[:5], EVENT[5:] + EVENT)
    assert len(Both(asynchronous, Opened(EVENTS, parts)).stream()) == 3
    assert parts.abandoned


def test_a_stream_that_nobody_reads_on_is_given_up(asynchronous: bool) -> None:
    parts = (PlayedAsync if asynchronous else Played)(EVENT, EVENT)
    assert len(Both(asynchronous, Opened(EVENTS, parts)).stream(limit=1)) == 1
    assert parts.abandoned
    assert parts.came == [EVENT]


@pytest.mark.parametrize(
    "broken", [b"data: {}\n", b'data: {"error": "no"}\n\n', ConnectionFailed("x", sent=True)]
)
def test_a_stream_that_breaks_names_server_and_model(asynchronous: bool, broken: Any) -> None:
    parts = (PlayedAsync if asynchronous else Played)(EVENT, broken)
    with pytest.raises(ClientError) as caught:
        Both(asynchronous, Opened(EVENTS, parts)).stream()
    assert (caught.value.url, caught.value.model) == ("http://host:80", "m")
    assert parts.abandoned


def test_a_closed_client_makes_no_calls(asynchronous: bool) -> None:
    both = Both(asynchronous, RESULT)
    both.call("close")
    assert both.played.closed
    with pytest.raises(InvalidInput, match="closed"):
        both.call("infer", "m", {})


def test_a_client_is_closed_at_the_end_of_a_with() -> None:
    with Client("http://host") as client:
        played = Played()
        client._transport = played
    assert played.closed


def test_an_asynchronous_client_is_closed_at_the_end_of_a_with() -> None:
    async def use() -> PlayedAsync:
        async with AsyncClient("http://host") as client:
            played = PlayedAsync()
            client._transport = played
        return played

    assert asyncio.run(use()).closed


def test_both_clients_have_the_same_methods() -> None:
    assert {"infer", "stream", "predict", "metadata", "models", "ready", "load", "unload"} < set(METHODS)
    assert [name for name in vars(AsyncClient) if not name.startswith("_")] == METHODS


@pytest.mark.parametrize("name", METHODS)
def test_a_method_shows_its_parameters_and_what_it_gives(name: str) -> None:
    for kind in (Client, AsyncClient):
        method = getattr(kind, name)
        assert method.__doc__
        assert "Flow" not in str(inspect.signature(method))
    assert list(inspect.signature(getattr(Client, name)).parameters) == list(
        inspect.signature(getattr(AsyncClient, name)).parameters
    )


def test_every_method_and_parameter_is_documented() -> None:
    page = (TREE / "docs" / "client.md").read_text(encoding="utf-8")
    assert [name for name in METHODS if f"`{name}(" not in page and name != "close"] == []
    options = list(inspect.signature(Client).parameters)
    assert [name for name in options if f"`{name}`" not in page] == []


def test_a_client_shows_its_server_and_no_password() -> None:
    assert repr(Client("http://me:secret@host")) == "Client('http://host:80')"


@pytest.mark.parametrize("retries", [1, Retries(count=1, first_s=2)])
def test_retries_are_a_number_or_rules(retries: int | Retries, asynchronous: bool) -> None:
    both = Both(asynchronous, BUSY, BUSY, retries=retries)
    with pytest.raises(ServerError):
        both.call("infer", "m", {})
    assert len(both.played.pauses) == 1


@pytest.mark.parametrize(
    "options",
    [{"timeout_s": 0}, {"token": "a", "api_key": "b"}, {"headers": {"host": "x"}}, {"retries": -1}],
)
def test_what_a_client_cannot_be_told_is_refused(options: Any) -> None:
    with pytest.raises(InvalidInput):
        Client("http://host", **options)

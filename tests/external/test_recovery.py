"""A model whose server is down when this one starts, comes up, falls ill and gets well."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import ChatRequest, Target
from dragoman.core.status import State, VersionStatus
from dragoman.engines.external import ExternalEngine
from dragoman.execution.choice import make_runner
from dragoman.repository.clock import Clock
from dragoman.repository.configured import ConfiguredSource
from dragoman.repository.external import ExternalPlace, places_of, reach
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager
from dragoman.security.urls import read_networks
from dragoman.settings.external import ExternalRules, ExternalSettings, KeySettings
from dragoman.settings.overlay import ModelOverlay, NamedModel
from tests.external.standin import says, standing_in

LISTED = says(200, {"data": []})
DOWN = says(500, {})
HELLO = ChatRequest("serving_default", [{"role": "user", "content": "hello"}])
CALL = CallContext("test")


class Pauses:
    """A pause that is over when the test says so."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def sleep(self, _: float) -> None:
        over = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(over)
        await over

    async def end_one(self) -> None:
        (await self._waiting.get()).set_result(None)


def on_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def test_what_every_models_engine_is_told_is_not_told_to_a_model_without_one() -> None:
    every_model = ModelOverlay(engine="onnx", options={"a": 1}, max_queue=7)
    settings = ExternalSettings(url="http://a.example/", protocol="openai")
    found = ConfiguredSource([], [NamedModel(name="m", external=settings)], every_model, {}).aspired()
    (candidate,) = found.models["m"].candidates
    assert (candidate.settings.engine, candidate.settings.options) == (None, {})
    assert candidate.settings.max_queue == 7


def source(port: int, **more: object) -> ConfiguredSource:
    origin = f"http://127.0.0.1:{port}"
    given = {"url": f"{origin}/v1", "protocol": "openai", "check_s": 0, "retries": 0, **more}
    models = [NamedModel(name="m", external=msgspec.convert(given, ExternalSettings))]
    return ConfiguredSource([], models, ModelOverlay(), {}, external=ExternalRules(origins=(origin,)))


def manager(port: int, pauses: Pauses, **more: object) -> ModelManager:
    loader = ModelLoader({}, external=ExternalEngine())
    runners = partial(make_runner, loop=asyncio.get_running_loop())
    return ModelManager(source(port, **more), loader, runners, clock=Clock(sleep=pauses.sleep))


def version(models: ModelManager) -> VersionStatus:
    return models.report.models["m"].versions[-1]


async def said(models: ModelManager) -> DragomanError:
    handle = models.pin(Target("m"))
    try:
        signature = handle.signature(None)
        with pytest.raises(DragomanError) as caught:
            await handle.runner.run(handle, HELLO, signature, CALL)
    finally:
        handle.release()
    return caught.value


def test_a_model_is_loaded_once_its_server_answers() -> None:
    async def test() -> None:
        pauses = Pauses()
        async with standing_in(DOWN, DOWN, LISTED) as server:
            models = manager(server.port, pauses)
            await models.start()
            assert version(models).state is State.FAILED
            assert version(models).cause.message == "the external server of model m failed (status 500)"
            reviving = asyncio.create_task(models.revive())
            await pauses.end_one()  # it looks, and the server is still down
            await pauses.end_one()  # it looks again, and loads the model
            await models.wait_until(lambda report: report.models["m"].latest_ready is not None, 20)
            assert version(models).answers
            reviving.cancel()
            await asyncio.gather(reviving, return_exceptions=True)
            await models.close()
        assert len(server.asked) == 4  # the last two: a look, and the load

    on_loop(test)


def test_what_no_second_try_can_mend_is_not_tried_again() -> None:
    async def test() -> None:
        pauses = Pauses()
        async with standing_in(LISTED) as server:
            models = manager(server.port, pauses, url="http://127.0.0.1:9/v1")
            await models.start()
            assert version(models).cause.code is Code.PERMISSION_DENIED
            reviving = asyncio.create_task(models.revive())
            await pauses.end_one()
            await pauses._waiting.get()  # it has looked, and pauses again
            assert version(models).state is State.FAILED
            reviving.cancel()
            await asyncio.gather(reviving, return_exceptions=True)
            await models.close()
        assert server.asked == []

    on_loop(test)


def test_a_server_that_keeps_failing_shows_in_the_status_and_is_left_alone() -> None:
    async def test() -> None:
        async with standing_in(LISTED, DOWN) as server:
            models = manager(server.port, Pauses(), failures=2)
            await models.start()
            assert version(models).answers
            for _ in range(2):
                assert (await said(models)).code is Code.INTERNAL
            assert not version(models).answers
            assert version(models).state is State.READY
            assert version(models).ails.message == "the external server of model m failed (status 500)"
            error = await said(models)
            await models.close()
        assert (error.code, len(server.asked)) == (Code.UNAVAILABLE, 3)
        assert error.retry_after_s > 0

    on_loop(test)


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("http://127.0.0.1:80/", ("http://127.0.0.1",)),
        ("https://A.example/v1", ("https://a.example:443/",)),
        ("http://[::1]:8000/", ("http://[::1]:8000",)),
    ],
)
def test_an_origin_is_the_same_however_it_is_written(url: str, origins: tuple[str, ...]) -> None:
    settings = ExternalSettings(url=url, protocol="openai")
    assert reach(ExternalPlace(settings, ExternalRules(origins=origins))).settings is settings


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example.evil.example/", "https://a.example/", "http://a.example:81/", "http://a.example@evil.example/",
        "http://evil.example/http://a.example", "http://a.example\\@evil.example", "http://a.example#@evil.example/",
        "file:///etc/passwd", "http://169.254.169.254/", "//a.example/",
    ],
)  # fmt: skip
def test_another_origin_is_refused_however_it_is_written(url: str) -> None:
    settings = ExternalSettings(url=url, protocol="openai")
    with pytest.raises(DragomanError) as caught:
        reach(ExternalPlace(settings, ExternalRules(origins=("http://a.example",))))
    assert caught.value.code is Code.PERMISSION_DENIED


def test_a_name_must_not_lead_to_an_address_that_is_not_public() -> None:
    with pytest.raises(DragomanError, match="localhost leads to an address that is not public"):
        places_of((), "localhost", 80)
    assert places_of(read_networks(["127.0.0.0/8", "::1/128"]), "localhost", 80)
    assert places_of((), "127.0.0.1", 80)  # who lists an address means it


def test_a_key_is_read_again_when_its_file_has_changed(tmp_path) -> None:
    file = tmp_path / "key"
    file.write_text("first\n", encoding="utf-8")
    settings = ExternalSettings(url="http://a.example/", protocol="openai", key=KeySettings(file=str(file)))
    key = reach(ExternalPlace(settings, ExternalRules(origins=("http://a.example",)))).key
    assert key() == "first"
    file.write_text("the second one\n", encoding="utf-8")
    assert key() == "the second one"
    file.unlink()
    assert key() == "the second one"  # rather than none


@pytest.mark.parametrize(
    ("given", "code"),
    [({"env": "NO_SUCH_VARIABLE"}, Code.FAILED_PRECONDITION), ({"file": "/no/such/file"}, Code.NOT_FOUND)],
)
def test_a_key_that_is_not_there_is_told_without_its_place(given: dict[str, str], code: Code) -> None:
    settings = ExternalSettings(url="http://a.example/", protocol="openai", key=KeySettings(**given))
    with pytest.raises(DragomanError, match=r"external\.key: the file or variable is not there") as caught:
        reach(ExternalPlace(settings, ExternalRules(origins=("http://a.example",))))
    assert caught.value.code is code
    assert "/no/such" not in caught.value.message
    assert caught.value.__cause__ is not None  # which the log tells


def test_another_place_or_another_list_of_origins_loads_the_model_anew() -> None:
    async def test() -> None:
        pauses = Pauses()
        async with standing_in(LISTED) as server, standing_in(LISTED) as other:
            models = manager(server.port, pauses)
            await models.start()
            await models.take_source(source(server.port, url=f"http://127.0.0.1:{other.port}/v1"))
            assert version(models).cause is None  # the old one serves while the new one may not be called
            notes = models.report.models["m"].notes
            await models.take_source(source(other.port))
            assert version(models).answers
            await models.close()
        assert "its changes do not load" in notes[0]
        assert (len(server.asked), len(other.asked)) == (1, 1)

    on_loop(test)

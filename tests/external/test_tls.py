"""Whose certificates are believed."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from tests.external.models import loaded
from tests.external.standin import StandIn, says, standing_in
from tests.security.certificates import DAY, Authority

LISTED = says(200, {"data": []})


def on_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def url(server: StandIn) -> str:
    return f"https://127.0.0.1:{server.port}/v1"


def test_a_certificate_of_the_authority_that_is_named_is_believed(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")

    async def test() -> None:
        async with standing_in(LISTED, tls=context(*authority.issue("server"))) as server:
            await loaded(server, url=url(server), ca_file=str(authority.file))
        assert server.asked[0].path == "/v1/models"

    on_loop(test)


@pytest.mark.parametrize("expired", [False, True])
def test_any_other_certificate_is_not(tmp_path: Path, expired: bool) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    issuer, valid = (authority, -DAY) if expired else (other, DAY)

    async def test() -> None:
        async with standing_in(LISTED, tls=context(*issuer.issue("server", valid))) as server:
            with pytest.raises(DragomanError, match="its certificate is not trusted") as caught:
                await loaded(server, url=url(server), ca_file=str(authority.file))
        assert (caught.value.code, server.asked) == (Code.UNAVAILABLE, [])

    on_loop(test)


def test_without_authorities_of_its_own_those_of_the_system_are_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")

    async def test() -> None:
        async with standing_in(LISTED, tls=context(*authority.issue("server"))) as server:
            with pytest.raises(DragomanError, match="its certificate is not trusted"):
                await loaded(server, url=url(server))

    on_loop(test)


def test_a_file_that_holds_no_certificates_is_told(tmp_path: Path) -> None:
    async def test() -> None:
        file = tmp_path / "ca.crt"
        file.write_text("nothing", encoding="utf-8")
        async with standing_in(LISTED) as server:
            with pytest.raises(DragomanError, match="or holds no certificates") as caught:
                await loaded(server, url=url(server), ca_file=str(file))
        assert caught.value.code is Code.FAILED_PRECONDITION

    on_loop(test)

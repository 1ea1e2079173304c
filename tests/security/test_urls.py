"""Archives at URLs: what is refused opens no connection and writes no file; what comes is used if it is good.

An audit hook of the interpreter tells what was connected to and written, whatever the answer was.
"""

import http.server
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.core.control import Register
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.repository.arrivals import Arrivals
from dragoman.settings.model import ModelSettings
from dragoman.settings.registration import RegistrationSettings
from tests.security.certificates import Authority
from tests.security.site import Site, mar
from tests.security.watching import WATCH, Seen

EVERY: Final = ("https?://.*", "file:///allowed/.*")
HOSTILE: Final = (
    "http://127.0.0.1/a.mar",
    "http://127.1/a.mar",
    "http://2130706433/a.mar",
    "http://0x7f000001/a.mar",
    "http://0177.0.0.1/a.mar",
    "http://0/a.mar",
    "http://0.0.0.0/a.mar",
    "http://localhost/a.mar",
    "http://LOCALHOST:8081/a.mar",
    "https://127.0.0.1/a.mar",
    "http://10.1.2.3/a.mar",
    "http://172.16.0.1/a.mar",
    "http://192.168.0.1/a.mar",
    "http://100.64.0.1/a.mar",
    "http://169.254.169.254/latest/meta-data/a.mar",
    "http://224.0.0.1/a.mar",
    "http://255.255.255.255/a.mar",
    "http://[::1]/a.mar",
    "http://[::]/a.mar",
    "http://[::ffff:169.254.169.254]/a.mar",
    "http://[::ffff:7f00:1]/a.mar",
    "http://[64:ff9b::7f00:1]/a.mar",
    "http://[2002:7f00:1::1]/a.mar",
    "http://[fe80::1]/a.mar",
    "http://[fd00::1]/a.mar",
    "http://good.example@127.0.0.1/a.mar",
    "http://good.example:80@127.0.0.1/a.mar",
    "http://user:password@good.example/a.mar",
    "http://good.example\\@127.0.0.1/a.mar",
    "http://good.example#@127.0.0.1/a.mar",
    "http://127.0.0.1%2f.good.example/a.mar",
    "http://good.example\t/a.mar",
    "http://good.example\r\nHost: other/a.mar",
    "http://\u2460\u2461\u2466.0.0.1/a.mar",
    "http:///a.mar",
    "http://:80/a.mar",
    "http://good.example:99999/a.mar",
    "http://good.example:0/a.mar",
    "http://[::1/a.mar",
    "http://good.example/" + "a" * 3000 + ".mar",
    "http://good.example/a/../../b.mar",
    "gopher://127.0.0.1/a.mar",
    "jar:file:///etc/a.mar!/b",
    "file:///etc/passwd",
    "file:///allowed/../etc/passwd",
    "file://other/allowed/a.mar",
    "file:///allowed/%2e%2e/%2e%2e/etc/passwd",
    "FILE:///etc/hosts",
    "/etc/passwd",
    "//127.0.0.1/a.mar",
)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().open() as site:
        yield site


class Place:
    """The folders of one server: its store, and the parent of its private folder."""

    def __init__(self, root: Path) -> None:
        self.store, self.parent = root / "store", root / "private"
        self.store.mkdir()
        self.parent.mkdir()

    def arrivals(
        self,
        networks: Sequence[str] = (),
        allowed: Sequence[str] = EVERY,
        resolve: Callable[..., Sequence[tuple[Any, ...]]] = socket.getaddrinfo,
        most_bytes: int = 1 << 20,
        most_s: float = 30.0,
    ) -> Arrivals:
        settings = RegistrationSettings(
            enabled=True,
            store=str(self.store),
            allowed_urls=tuple(allowed),
            networks=tuple(networks),
            download_bytes=most_bytes,
            download_s=most_s,
        )
        return Arrivals(settings, ModelSettings, str(self.parent), resolve)

    def left(self) -> list[str]:
        """The files that are there now, but for the lock of the private folder."""
        return sorted(
            path.name
            for folder in (self.store, self.parent)
            for path in folder.rglob("*")
            if path.is_file() and path.name != "lock"
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def taken(arrivals: Arrivals, url: str) -> tuple[DragomanError, Seen]:
    """The refusal of a URL, and what was done meanwhile."""
    with WATCH.looking() as seen, pytest.raises(DragomanError) as told:
        arrivals.take(Register(url))
    arrivals.close()
    return told.value, seen


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_opens_no_connection_and_writes_no_file(url: str, place: Place) -> None:
    error, seen = taken(place.arrivals(), url)
    assert error.code in (Code.NOT_FOUND, Code.INVALID_ARGUMENT)
    assert error.reason in (Reason.URL_REFUSED, Reason.DOWNLOAD_FAILED)
    assert seen.connected == []
    assert seen.written_outside(place.parent) == set()
    assert place.left() == []


def test_no_url_is_allowed_where_none_is_named(place: Place, site: Site) -> None:
    error, seen = taken(place.arrivals(["127.0.0.0/8"], allowed=()), f"{site.url}/a.mar")
    assert error.message == f"Given URL {site.url}/a.mar does not match any allowed URL(s)"
    assert (seen.connected, seen.resolved, seen.written) == ([], [], set())


def test_an_expression_has_to_match_all_of_a_url(place: Place) -> None:
    allowed = (r"https://good\.example/.*",)
    for url in ("https://good.example.evil.example/a.mar", "http://evil.example/?https://good.example/a.mar"):
        error, seen = taken(place.arrivals(allowed=allowed), url)
        assert error.reason is Reason.URL_REFUSED
        assert seen.resolved == []


def test_every_address_of_a_name_has_to_be_public(place: Place) -> None:
    def resolve(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.216.34", "169.254.169.254")
        ]

    error, seen = taken(place.arrivals(resolve=resolve), "http://good.example/a.mar")
    assert "169.254.169.254, which is no public address" in error.message
    assert seen.connected == []


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(place: Place, site: Site) -> None:
    answers = ["127.0.0.1", "169.254.169.254"]

    def resolve(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    site.give("/a.mar", mar())
    arrivals = place.arrivals(["127.0.0.1/32"], resolve=resolve)
    with WATCH.looking() as seen:
        arrival = arrivals.take(Register(f"http://rebound.example:{site.port}/a.mar"))
    assert (arrival.model, arrival.version) == ("a", "1.0")
    assert seen.connected == [("127.0.0.1", site.port)]
    assert seen.resolved == []
    assert answers == ["169.254.169.254"]


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.2:{port}/a.mar",
        "http://169.254.169.254/a.mar",
        "http://[::ffff:127.0.0.2]:{port}/a.mar",
        "file:///etc/passwd",
        "http://user@127.0.0.1:{port}/b.mar",
        "ftp://127.0.0.1/a.mar",
        "",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_checked_as_the_first_url_was(
    to: str, status: int, place: Place, site: Site
) -> None:
    site.redirect("/a.mar", to.format(port=site.port), status)
    error, seen = taken(place.arrivals(["127.0.0.1/32"]), f"{site.url}/a.mar")
    assert error.reason in (Reason.URL_REFUSED, Reason.DOWNLOAD_FAILED)
    assert {address for address, _ in seen.connected} == {"127.0.0.1"}
    assert set(site.asked) == {"/a.mar"}
    assert seen.written_outside(place.parent) == set()
    assert place.left() == []


def test_a_redirection_to_what_is_not_allowed_is_not_followed(place: Place, site: Site) -> None:
    site.redirect("/good/a.mar", "/evil/a.mar")
    allowed = (f"{site.url}/good/.*",)
    error, _ = taken(place.arrivals(["127.0.0.1/32"], allowed), f"{site.url}/good/a.mar")
    assert error.reason is Reason.URL_REFUSED
    assert site.asked == ["/good/a.mar"]


def test_redirections_are_followed_a_few_times(place: Place, site: Site) -> None:
    for number in range(5):
        site.redirect(f"/{number}.mar", f"/{number + 1}.mar")
    site.give("/5.mar", mar())
    arrival = place.arrivals(["127.0.0.1/32"]).take(Register(f"{site.url}/0.mar"))
    assert Path(arrival.path).name == "0.mar"
    site.redirect("/5.mar", "/6.mar")
    error, _ = taken(place.arrivals(["127.0.0.1/32"]), f"{site.url}/0.mar")
    assert error.reason is Reason.DOWNLOAD_FAILED


@pytest.mark.parametrize("known", [True, False])
def test_over_tls_the_certificate_has_to_be_of_somebody_who_is_known(
    known: bool, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    monkeypatch.setenv("SSL_CERT_FILE", str((authority if known else other).file))
    arrivals = place.arrivals(["127.0.0.0/8"])
    with Site(authority.issue("server")).open() as site:
        site.give("/a.mar", mar())
        if known:
            assert arrivals.take(Register(f"{site.url}/a.mar")).version == "1.0"
        else:
            error, _ = taken(arrivals, f"{site.url}/a.mar")
            assert error.reason is Reason.DOWNLOAD_FAILED
    assert site.asked == (["/a.mar"] if known else [])
    assert place.left() == (["a.mar"] if known else [])


@pytest.mark.parametrize("name", ["/a.txt", "/", "/a.mar/", "/..mar", "/%2e%2e%2fa.mar", "/%00.mar"])
def test_what_is_no_name_of_an_archive_is_not_asked_for(name: str, place: Place, site: Site) -> None:
    error, seen = taken(place.arrivals(["127.0.0.1/32"]), f"{site.url}{name}")
    assert error.reason in (Reason.URL_REFUSED, Reason.DOWNLOAD_FAILED)
    assert seen.connected == []


def test_what_comes_is_moved_into_the_store_only_once_it_is_good(place: Place, site: Site) -> None:
    site.give("/bad.mar", b"no zip")
    site.give("/none.mar", zipped("h.py"))
    for name in ("bad.mar", "none.mar"):
        error, seen = taken(place.arrivals(["127.0.0.1/32"]), f"{site.url}/{name}")
        assert error.reason in (Reason.ARCHIVE_UNUSABLE, Reason.MANIFEST_MISSING)
        assert seen.written_outside(place.parent) == set()
        assert place.left() == []
    site.give("/good.mar", mar())
    arrivals = place.arrivals(["127.0.0.1/32"])
    arrival = arrivals.take(Register(f"{site.url}/good.mar"))
    arrivals.close()
    assert Path(arrival.path).parent.parent == place.store / ".downloads"
    assert (place.store / ".downloads").stat().st_mode & 0o777 == 0o700
    assert place.left() == ["good.mar"]
    arrivals.discard(arrival.path)
    assert place.left() == []


def test_an_archive_of_the_store_is_never_deleted(place: Place) -> None:
    (place.store / "a.mar").write_bytes(mar())
    arrivals = place.arrivals()
    arrivals.discard(arrivals.take(Register("a.mar")).path)
    assert place.left() == ["a.mar"]


def zipped(name: str) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr(name, "")
    return held.getvalue()


@pytest.mark.parametrize("told", [True, False])
def test_what_is_too_large_is_given_up(told: bool, place: Place, site: Site) -> None:
    site.give("/a.mar", b"x" * 5000, 5000 if told else 1 << 40)
    error, _ = taken(place.arrivals(["127.0.0.1/32"], most_bytes=1000), f"{site.url}/a.mar")
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert place.left() == []


def test_what_breaks_off_is_not_used(place: Place, site: Site) -> None:
    body = mar()
    site.give("/a.mar", body, len(body) + 1)
    error, _ = taken(place.arrivals(["127.0.0.1/32"]), f"{site.url}/a.mar")
    assert error.message == f"Failed to download archive from: {site.url}/a.mar"
    assert place.left() == []


def test_a_server_that_never_ends_is_given_up(place: Place, site: Site) -> None:
    released = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"PK")
        released.wait(30)

    site.answers["/a.mar"] = drip
    error, _ = taken(place.arrivals(["127.0.0.1/32"], most_s=0.2), f"{site.url}/a.mar")
    released.set()
    assert error.reason is Reason.DOWNLOAD_FAILED
    assert place.left() == []


def test_an_error_of_the_other_server_is_told(place: Place, site: Site) -> None:
    site.refuse("/a.mar")
    error, _ = taken(place.arrivals(["127.0.0.1/32"]), f"{site.url}/a.mar")
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, Reason.DOWNLOAD_FAILED)


def test_a_file_that_a_url_names_is_used_where_it_lies(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.mar").write_bytes(mar("2.0"))
    arrivals = place.arrivals(allowed=(f"file://{tmp_path}/.*",))
    with WATCH.looking() as seen:
        for url in (f"file://{tmp_path}/elsewhere.mar", f"{tmp_path}/elsewhere.mar"):
            assert arrivals.take(Register(url)).version == "2.0"
    assert (seen.connected, seen.written) == ([], set())

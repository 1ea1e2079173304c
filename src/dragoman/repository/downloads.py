"""Files fetched over HTTP: to one address that was checked, up to a size and a time, into a private folder.

Redirections are followed a few times; where each leads is checked like the first.
"""

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Timer
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urljoin

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.security.urls import (
    IPNetwork,
    Resolve,
    check_allowed,
    public_addresses,
    read_url,
)

REDIRECTIONS: Final = 5
REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})
PIECE_BYTES: Final = 1 << 16
SILENCE_S: Final = 30.0  # after which a server that says nothing is given up
FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}")


class DownloadRules(Struct, frozen=True):
    """From where files may be fetched, how large they may be, and how long one may take."""

    allowed: Sequence[re.Pattern[str]]
    networks: Sequence[IPNetwork]
    most_bytes: int
    most_s: float


class Download:
    """One file on its way. For one thread."""

    def __init__(self, rules: DownloadRules, resolve: Resolve = socket.getaddrinfo) -> None:
        self._rules = rules
        self._resolve = resolve
        self._late = False
        self._socket: socket.socket | None = None  # of the connection that is open

    def fetch(self, url: str, folder: str, may_be: Callable[[str], bool]) -> str:
        """Where the file now lies, in a new folder below `folder`, under its own name, which `may_be` takes.

        Errors: NOT_FOUND with reason URL_REFUSED for a place that is not allowed, or a redirection to one;
        INVALID_ARGUMENT with reason DOWNLOAD_FAILED where nothing comes, or too much.
        """
        check_allowed(url, self._rules.allowed)
        name = unquote(os.path.basename(read_url(url).path))
        if FILE_NAME.fullmatch(name) is None or not may_be(name):
            raise failed(url, f"{name!r} is no name of an archive")
        timer = Timer(self._rules.most_s, self._give_up)
        timer.daemon = True
        timer.start()
        home = tempfile.mkdtemp(dir=folder)
        try:
            return self._fetched(url, os.path.join(home, name))
        except BaseException as error:
            shutil.rmtree(home, ignore_errors=True)
            if isinstance(error, OSError | http.client.HTTPException | ValueError):
                raise failed(url, str(error)) from error
            raise
        finally:
            timer.cancel()

    def _fetched(self, url: str, path: str) -> str:
        place = url
        for _ in range(REDIRECTIONS + 1):
            check_allowed(place, self._rules.allowed)
            parts = read_url(place)
            places = public_addresses(parts, self._rules.networks, self._resolve)
            with closing(reached(places)) as opened, closing(connected(parts, opened)) as connection:
                self._socket = connection.sock  # with TLS it is another one
                if self._late:
                    break
                with asked(connection, parts) as answer:
                    if answer.status not in REDIRECTED:
                        return self._written(url, answer, path)
                    place = urljoin(place, answer.headers.get("Location", ""))
        raise failed(url, "it takes too long" if self._late else "it is redirected too often")

    def _written(self, url: str, answer: http.client.HTTPResponse, path: str) -> str:
        if answer.status != http.client.OK:
            raise failed(url, f"it is answered with {answer.status}")
        size = 0
        with open(path, "xb") as file:
            while piece := answer.read1(PIECE_BYTES):
                size += len(piece)
                if size > self._rules.most_bytes:
                    raise failed(url, f"it has more than {self._rules.most_bytes} bytes")
                file.write(piece)
        if answer.length or self._late:
            raise failed(url, "it breaks off")
        return path

    def _give_up(self) -> None:
        """Have whatever is under way on the connection end; the other thread closes it."""
        self._late = True
        opened = self._socket
        if opened is not None:
            with contextlib.suppress(OSError):  # it is closed already
                opened.shutdown(socket.SHUT_RDWR)


def asked(connection: http.client.HTTPConnection, parts: SplitResult) -> http.client.HTTPResponse:
    """The answer's head.

    Errors: OSError, HTTPException.
    """
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection.request("GET", target, headers={"Accept-Encoding": "identity"})
    return connection.getresponse()


def connected(parts: SplitResult, opened: socket.socket) -> http.client.HTTPConnection:
    """HTTP on a connection that is open; of TLS where the URL wants it, for the URL's name.

    Errors: OSError.
    """
    host = parts.hostname or ""
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, parts.port, timeout=SILENCE_S)
        connection.sock = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
        return connection
    plain = http.client.HTTPConnection(host, parts.port, timeout=SILENCE_S)
    plain.sock = opened  # where there is one none is made: the name is not looked up again
    return plain


def reached(places: Sequence[tuple[int, Any]]) -> socket.socket:
    """A connection to the first place that takes one.

    Errors: OSError where none does.
    """
    last: OSError = OSError("the host has no address")
    for family, place in places:
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.settimeout(SILENCE_S)
        try:
            opened.connect(place)
        except OSError as error:
            opened.close()
            last = error
        else:
            return opened
    raise last


def failed(url: str, why: str) -> DragomanError:
    """The error for what could not be fetched."""
    message = f"Failed to download archive from: {url}"
    error = DragomanError(Code.INVALID_ARGUMENT, message, reason=Reason.DOWNLOAD_FAILED)
    error.add_note(why)
    return error

"""Files fetched over HTTP: to one address that was checked, up to a size and a time, into a private folder.

Redirections are followed a few times; where each leads is checked like the first.
"""

import contextlib
import http.client
import os
import re
import socket
import ssl
import tempfile
from collections.abc import Callable, Sequence
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
        self._connection: http.client.HTTPConnection | None = None

    def fetch(self, url: str, folder: str, may_be: Callable[[str], bool]) -> str:
        """Where the file now lies, in a new folder below `folder`, under its own name, which `may_be` takes.

        Errors: NOT_FOUND with reason URL_REFUSED for a place that is not allowed, or a redirection to one;
        INVALID_ARGUMENT with reason DOWNLOAD_FAILED where nothing comes, or too much.
        """
        check_allowed(url, self._rules.allowed)
        name = os.path.basename(unquote(read_url(url).path))
        if FILE_NAME.fullmatch(name) is None or not may_be(name):
            raise failed(url, f"{name!r} is no name of an archive")
        timer = Timer(self._rules.most_s, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            return self._fetched(url, folder, name)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise failed(url, str(error)) from error
        finally:
            timer.cancel()
            self._give_up()

    def _fetched(self, url: str, folder: str, name: str) -> str:
        place = url
        for _ in range(REDIRECTIONS + 1):
            check_allowed(place, self._rules.allowed)
            answer = self._asked(read_url(place))
            if answer.status not in REDIRECTED:
                break
            place = urljoin(place, answer.headers.get("Location", ""))
            self._give_up()
        if answer.status != http.client.OK:
            raise failed(url, f"it is answered with {answer.status}")
        return self._written(url, answer, tempfile.mkdtemp(dir=folder), name)

    def _asked(self, parts: SplitResult) -> http.client.HTTPResponse:
        """The answer's head.

        Errors: OSError, HTTPException; those of `public_addresses`.
        """
        places = public_addresses(parts, self._rules.networks, self._resolve)
        self._connection = connection = connected(parts, places)
        target = parts.path or "/"
        connection.request(
            "GET",
            f"{target}?{parts.query}" if parts.query else target,
            headers={"Accept-Encoding": "identity"},
        )
        return connection.getresponse()

    def _written(self, url: str, answer: http.client.HTTPResponse, folder: str, name: str) -> str:
        path, size = os.path.join(folder, name), 0
        with open(path, "xb") as file:
            while piece := answer.read1(PIECE_BYTES):
                size += len(piece)
                if size > self._rules.most_bytes:
                    raise failed(url, f"it has more than {self._rules.most_bytes} bytes")
                file.write(piece)
        if answer.length:
            raise failed(url, "it breaks off")
        return path

    def _give_up(self) -> None:
        """End the connection, whatever is under way on it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if connection.sock is not None:
                with contextlib.suppress(OSError):  # the other end was faster
                    connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()


def connected(parts: SplitResult, places: Sequence[tuple[int, Any]]) -> http.client.HTTPConnection:
    """A connection to the first of these places that answers, and to no other; of TLS where the URL wants it.

    Errors: OSError.
    """
    host, port = parts.hostname or "", parts.port
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=SILENCE_S)
    opened = reached(places)
    if secure:
        opened = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
    connection.sock = opened  # one that is there is not made: the name is not looked up again
    return connection


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

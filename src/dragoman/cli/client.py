"""Requests of the command line to a running server's own paths."""

import json
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from netrc import NetrcParseError, netrc
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from dragoman.cli.failure import Exit, FailureError

DEFAULT_URL: Final = "http://127.0.0.1:8000"
MODELS: Final = "/dragoman/models"
LOOK_S: Final = 10.0
CONNECTIONS: Final = {"http": HTTPConnection, "https": HTTPSConnection}


def look(url: str, path: str, wanted: str) -> dict[str, Any]:
    """What the server shows there; `wanted` is a key that the answer has if this is such a server."""
    return call(url, "GET", path, wanted, LOOK_S)


def control(url: str, path: str) -> dict[str, Any]:
    """What the server answers when it has done what the path says, however long that takes."""
    return call(url, "POST", path, "models", None)


def call(url: str, method: str, path: str, wanted: str, timeout_s: float | None) -> dict[str, Any]:
    """The server's answer.

    Errors: FailureError with the server's own reason, or where no such server answers.
    """
    parts = urlsplit(url)
    if parts.scheme not in CONNECTIONS or not parts.hostname:
        raise FailureError(f"{url!r} is not a server's address: give one like {DEFAULT_URL}", Exit.USAGE)
    place = parts.netloc.rpartition("@")[2]
    connection = CONNECTIONS[parts.scheme](place, timeout=timeout_s)
    shown = f"{parts.scheme}://{place}{parts.path}"  # without a password
    try:
        connection.request(method, parts.path.rstrip("/") + path, headers=login(parts))
        answer = connection.getresponse()
        document = read(answer)
    except (OSError, HTTPException) as error:
        why = getattr(error, "strerror", None) or error
        raise FailureError(f"no server answers at {shown}: {why}") from error
    finally:
        connection.close()
    if answer.status == 200 and wanted in document:
        return document
    if isinstance(reason := document.get("error"), str):
        raise FailureError(reason)
    raise FailureError(
        f"{shown} answers {answer.status} without a list of models: is that a dragoman server?"
    )


def login(parts: SplitResult) -> dict[str, str]:
    """The header that proves who asks."""
    pair = credentials(parts)
    return {"Authorization": f"Basic {b64encode(':'.join(pair).encode()).decode()}"} if pair else {}


def credentials(parts: SplitResult) -> tuple[str, str] | None:
    """User and password: the address' own, else those of ~/.netrc.

    Errors: FailureError for a netrc that cannot be read.
    """
    if parts.username is not None:
        return unquote(parts.username), unquote(parts.password or "")
    try:
        found = netrc().authenticators(parts.hostname or "")
    except FileNotFoundError:
        return None
    except (NetrcParseError, OSError) as error:
        raise FailureError(f"~/.netrc cannot be read: {error}") from error
    return None if found is None else (found[0], found[2] or "")


def read(answer: HTTPResponse) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        document = json.loads(answer.read())
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def model_path(target: str, verb: str) -> str:
    """The path of what is done to a `MODEL` or `MODEL:VERSION`.

    Errors: FailureError for a version that is no number.
    """
    model, colon, version = target.partition(":")
    path = f"{MODELS}/{quote(model, safe='')}"
    if not colon:
        return f"{path}:{verb}"
    if not (version.isascii() and version.isdigit()):
        raise FailureError(f"{version!r} is no version: give a number, as in {model}:2", Exit.USAGE)
    return f"{path}/versions/{version}:{verb}"

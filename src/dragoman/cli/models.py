"""`dragoman models`: the models of a running server."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from cyclopts import Parameter

from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.table import Row, one_line, plain

DEFAULT_URL: Final = "http://127.0.0.1:8000"
LISTING: Final = "/dragoman/models"
TIMEOUT_S: Final = 10.0
CONNECTIONS: Final = {"http": HTTPConnection, "https": HTTPSConnection}


def models(
    *, url: str = DEFAULT_URL, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> None:
    """List the models of a running server with their states.

    Parameters
    ----------
    url:
        Where the server listens.
    as_json:
        Print what the server answered, with signatures, as JSON.
    """
    document = ask(url)
    if as_json:
        print(json.dumps(document, indent=2))
        return
    print("\n".join(plain(list(rows(document)))))
    if not document["models"]:
        print(f"{url} serves no model")


def ask(url: str) -> dict[str, Any]:
    """The server's listing."""
    parts = urlsplit(url)
    if parts.scheme not in CONNECTIONS or not parts.hostname:
        raise FailureError(f"{url!r} is not a server's address: give one like {DEFAULT_URL}", Exit.USAGE)
    connection = CONNECTIONS[parts.scheme](parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", parts.path.rstrip("/") + LISTING)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        why = getattr(error, "strerror", None) or error
        raise FailureError(f"no server answers at {url}: {why}") from error
    finally:
        connection.close()
    if answer.status == 200:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if isinstance(document, dict) and "models" in document:
            return document
    raise FailureError(f"{url} answers {answer.status} without a list of models: is that a dragoman server?")


def rows(document: dict[str, Any]) -> Iterator[Row]:
    """The listing as rows of the table."""
    for model in document["models"]:
        for version in model["versions"]:
            yield Row(
                one_line(model["name"]),
                str(version["version"]),
                version["engine"] or "",
                version["state"],
                one_line(version["cause"]["message"]) if version["cause"] else "",
            )

"""`dragoman models`: the models of a running server."""

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from dragoman.cli.client import DEFAULT_URL, MODELS, look
from dragoman.cli.table import Row, one_line, plain, shown_version

Json = Annotated[bool, Parameter(name="--json", negative="")]


def models(*, url: str = DEFAULT_URL, as_json: Json = False) -> None:
    """List the models of a running server with their states.

    Parameters
    ----------
    url:
        Where the server listens.
    as_json:
        Print what the server answered, with signatures, as JSON.
    """
    document = look(url, MODELS, "models")
    if as_json:
        print(json.dumps(document, indent=2))
        return
    print("\n".join(plain(list(rows(document["models"])))))
    if not document["models"]:
        print(f"{url} serves no model")


def rows(models: Iterable[dict[str, Any]]) -> Iterator[Row]:
    """The models as rows of the table; below the last row of each, what is to be known of it."""
    for model in models:
        name, notes = one_line(model["name"]), [one_line(note) for note in model["notes"]]
        made = [
            Row(name, number_of(version), version["engine"] or "", version["state"], cause_of(version))
            for version in model["versions"]
        ] or [Row(name, "", "", "empty", cause_of(model))]
        yield from made[:-1]
        last = made[-1]
        yield last._replace(note="\n  ".join(filter(None, [last.note, *notes])))


def number_of(view: dict[str, Any]) -> str:
    """A version's number, and its name where it has one of its own."""
    return shown_version(view["version"], view.get("name"))


def cause_of(view: dict[str, Any]) -> str:
    """Why a model or version does not serve, or what is done for it to; empty if it does."""
    return one_line(view["cause"]["message"] if view["cause"] else view.get("doing", ""))

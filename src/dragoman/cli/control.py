"""`dragoman load`, `unload` and `reload`: change what a running server serves."""

import json
from typing import Any

from dragoman.cli.client import DEFAULT_URL, control, model_path
from dragoman.cli.failure import Exit
from dragoman.cli.models import Json, rows
from dragoman.cli.table import plain


def load(target: str, /, *, url: str = DEFAULT_URL, as_json: Json = False) -> None:
    """Load a model, or one version of it, and wait until it serves.

    Parameters
    ----------
    target:
        The model, as `digits`, or one version of it, as `digits:2`.
    url:
        Where the server listens.
    as_json:
        Print what the server answered as JSON.
    """
    show(control(url, model_path(target, "load")), target, as_json)


def unload(target: str, /, *, url: str = DEFAULT_URL, as_json: Json = False) -> None:
    """Stop serving a model, or one version of it, and wait until it is out of memory.

    Parameters
    ----------
    target:
        The model, as `digits`, or one version of it, as `digits:2`.
    url:
        Where the server listens.
    as_json:
        Print what the server answered as JSON.
    """
    show(control(url, model_path(target, "unload")), target, as_json)


def reload(model: str | None = None, /, *, url: str = DEFAULT_URL, as_json: Json = False) -> Exit:
    """Look at a model's folder again, or at all of them, and load what has changed.

    Parameters
    ----------
    model:
        The model; without it, all of them.
    url:
        Where the server listens.
    as_json:
        Print what the server answered as JSON.
    """
    path = "/dragoman:reload" if model is None else model_path(model, "reload")
    document = control(url, path)
    show(document, model, as_json)
    versions = [version for found in document["models"] for version in found["versions"]]
    failed = model is None and any(version["state"] == "failed" for version in versions)
    return Exit.FAILURE if failed else Exit.OK


def show(document: dict[str, Any], target: str | None, as_json: bool) -> None:
    """Print what has become of a model, or of all."""
    if as_json:
        print(json.dumps(document, indent=2))
        return
    name = None if target is None else target.partition(":")[0]
    concerned = [model for model in document["models"] if name in (None, model["name"])]
    print("\n".join(plain(list(rows(concerned)))))
    if not document["changed"]:
        print("nothing has changed")

"""Flags in the query, as Deeploy's clients send them: the words `true` and `false`."""

from collections.abc import Mapping
from typing import Final

from dragoman.core.generation import refused
from dragoman.wire.percent import form_decoded

FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False, "1": True, "0": False}


def query_flag(query: str, name: str) -> bool | None:
    """A flag of the query; None = it is not there. Of several the last counts.

    Errors: INVALID_ARGUMENT for one that is neither true nor false.
    """
    found = None
    for part in query.encode("utf-8", "surrogateescape").split(b"&"):
        key, _, value = part.partition(b"=")
        if form_decoded(key) == name.encode():
            text = form_decoded(value).decode("utf-8", "replace").lower()
            if text not in FLAGS:
                raise refused(name, f"{name} in the query must be true or false")
            found = FLAGS[text]
    return found

"""What requests for management say: parameters of the query, or of a JSON body.

A number that cannot be read counts as not given, as in the reference; one that is out of all reason is an
error.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.settings.limits import Limits
from dragoman.wire.document import read_document
from dragoman.wire.forms import read_fields
from dragoman.wire.messages import WireRequest
from dragoman.wire.multipart import media_type
from dragoman.wire.percent import percent_decoded

NUMBER: Final = re.compile(r"[+-]?[0-9]{1,10}")
LARGEST: Final = 2**31 - 1  # of Java's integers
MOST_WORKERS: Final = 1000
MOST_CHARACTERS: Final = 4096  # of one parameter
JSON: Final = "application/json"


class Parameters(Struct, frozen=True):
    """Texts by their names; of several of one name the first counts."""

    texts: Mapping[str, str]

    def text(self, name: str) -> str:
        """A text; empty where it is not given.

        Errors: INVALID_ARGUMENT for one that is too long, or holds control codes.
        """
        found = self.texts.get(name, "")
        if len(found) > MOST_CHARACTERS:
            raise invalid(f"Parameter {name} has more than {MOST_CHARACTERS} characters.")
        if found and not found.isprintable():
            raise invalid(f"Parameter {name} holds control codes.")
        return found

    def number(self, name: str) -> int | None:
        """A number; None where it is not given or cannot be read."""
        found = self.texts.get(name, "").strip()
        if NUMBER.fullmatch(found) is None or not -LARGEST <= int(found) <= LARGEST:
            return None
        return int(found)

    def positive(self, name: str) -> int | None:
        """A number from 1; None where it is none, or below."""
        found = self.number(name)
        return found if found is not None and found > 0 else None

    def not_negative(self, name: str) -> int | None:
        """A number from 0; None where it is none, or below."""
        found = self.number(name)
        return found if found is not None and found >= 0 else None

    def workers(self, name: str) -> int | None:
        """A number of workers.

        Errors: INVALID_ARGUMENT for one below 0, or beyond all reason.
        """
        found = self.number(name)
        if found is not None and not 0 <= found <= MOST_WORKERS:
            raise invalid(f"Parameter {name} has to be a number from 0 to {MOST_WORKERS}: {found}")
        return found

    def on(self, name: str, *, usual: bool) -> bool:
        """Whether a parameter is true; any other word is false."""
        found = self.texts.get(name)
        return usual if found is None else found.strip().lower() == "true"


def read_query(wire: WireRequest) -> Parameters:
    """The parameters of the query.

    Errors: INVALID_ARGUMENT for more than the limit.
    """
    fields = read_fields(wire.query.encode("latin-1"))
    return Parameters({one.name: bytes(one.data).decode("utf-8", "replace") for one in reversed(fields)})


def read_registration(wire: WireRequest, limits: Limits) -> Parameters:
    """Those of a JSON body where the type says that there is one, else those of the query.

    Errors: INVALID_ARGUMENT for a body that is no JSON object, or a value that is neither text nor number.
    """
    given = wire.header(b"content-type")
    if media_type(None if given is None else given.decode("latin-1")) != JSON:
        return read_query(wire)
    return Parameters(dict(texts_of(read_document(wire, limits))))


def texts_of(document: Mapping[str, Any]) -> Mapping[str, str]:
    """The values of a JSON object as the query would have them.

    Errors: INVALID_ARGUMENT naming the key.
    """
    found = {}
    for key, value in document.items():
        if value is None:
            continue
        if isinstance(value, dict | list):
            raise invalid(f"Parameter {key} has to be a text, a number or true or false.")
        found[key] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def named(wire: WireRequest) -> tuple[str, str | None]:
    """The model and the version that the path names; None = it names no version."""
    version = wire.params.get("version")
    return percent_decoded(wire.params["model"]), None if version is None else percent_decoded(version)

"""What `models` and `model_snapshot` say of each version of each model, as native settings of its handler."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.torchserve.keys import VERSION_KEYS
from dragoman.core.errors import invalid

HANDLER_KEYS: Final = {
    "minWorkers": "min_workers",
    "maxWorkers": "max_workers",
    "batchSize": "batch_size",
    "maxBatchDelay": "max_batch_delay_ms",
    "responseTimeout": "response_timeout_s",
    "startupTimeout": "startup_timeout_s",
}
ZEROS: Final = frozenset({"minWorkers", "maxWorkers", "maxBatchDelay"})
DIGITS: Final = re.compile(r"(\d+)")


class Described(Struct, frozen=True):
    """One version of a model. `handler` has the native settings; `shown` is its place, for messages."""

    name: str
    version: str
    keys: dict[str, Any]
    handler: dict[str, int]
    shown: str

    @property
    def archive(self) -> str:
        """The name of its file."""
        return str(self.keys.get("marName") or "")

    @property
    def is_default(self) -> bool:
        """Whether it is the one that is called where none is named."""
        return self.keys.get("defaultVersion") is True

    @property
    def order(self) -> list[tuple[int, str]]:
        """What versions are put in order by, where digits are numbers: as archives of a repository are."""
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in DIGITS.split(self.version)]

    def notes(self) -> Iterator[Note]:
        """A note for each key."""
        for key, value in self.keys.items():
            level, text = VERSION_KEYS.get(key, (Level.IGNORED, "TorchServe has no such key"))
            if key in HANDLER_KEYS and HANDLER_KEYS[key] not in self.handler:
                level, text = Level.IGNORED, f"{value!r} is no number above 0"
            yield Note(f"{self.shown}: {key}", level, text)


def read_described(text: str, shown: str) -> list[Described]:
    """The value of `models`.

    Errors: INVALID_ARGUMENT where it is not JSON of that form.
    """
    return list(versions(decoded(text, shown), shown))


def read_snapshot(text: str, shown: str) -> list[Described]:
    """The value of `model_snapshot`.

    Errors: INVALID_ARGUMENT where it is not JSON of that form, and for a version without its file.
    """
    tree = decoded(text, shown)
    found = list(versions(tree.get("models", {}), shown, snapshot=True))
    for model in found:
        if not model.archive:
            raise invalid(f"{model.shown}: marName is missing")
    return found


def decoded(text: str, shown: str) -> Any:
    """A JSON object.

    Errors: INVALID_ARGUMENT.
    """
    try:
        return expected(json.loads(text), shown)
    except (ValueError, RecursionError) as error:
        raise invalid(f"{shown}: this is not JSON: {error}") from error


def expected(value: Any, shown: str) -> Any:
    """The value, which is an object.

    Errors: INVALID_ARGUMENT.
    """
    if not isinstance(value, dict):
        raise invalid(f"{shown}: an object is expected, as in {{name: {{version: {{marName: file}}}}}}")
    return value


def versions(tree: Any, shown: str, *, snapshot: bool = False) -> Iterator[Described]:
    """Every version of every model; in a snapshot one may have no workers.

    Errors: INVALID_ARGUMENT.
    """
    for name, by_version in expected(tree, shown).items():
        for version, keys in expected(by_version, f"{shown}: {name}").items():
            place = f"{shown}: {name} {version}"
            yield Described(name, version, expected(keys, place), handler_of(keys, snapshot=snapshot), place)


def handler_of(keys: dict[str, Any], *, snapshot: bool) -> dict[str, int]:
    """The numbers above 0; the reference takes others for keys that are not given.

    A snapshot's may be 0: it says how things were.
    """
    found = {}
    for key, name in HANDLER_KEYS.items():
        value = keys.get(key)
        try:
            number = int(value) if isinstance(value, int | float | str) else 0
        except (ValueError, OverflowError):
            continue
        least = 0 if snapshot and key in ZEROS else 1
        if number >= least and value is not None and not isinstance(value, bool):
            found[name] = number
    return found

"""Whether an answer is what a case expects, and if not, where it differs."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET

from tests.conformance.cases import Expectation
from tests.conformance.exchange import Answer

RELATIVE: Final = 1e-6
NO_JSON: Final = object()


def differences(expected: Expectation, answer: Answer) -> list[str]:
    """Everything about the answer that is not as expected; empty = it is."""
    return [
        *_status(expected, answer),
        *_headers(expected, answer),
        *_texts(expected, answer),
        *_document(expected, answer),
    ]


def _status(expected: Expectation, answer: Answer) -> Iterator[str]:
    if answer.status != expected.status:
        yield f"status: {expected.status} expected, {answer.status} given"


def _headers(expected: Expectation, answer: Answer) -> Iterator[str]:
    for name, value in expected.headers.items():
        given = answer.headers.get(name.lower())
        if given is None or _media_type(given) != _media_type(value):
            yield f"header {name}: {value!r} expected, {given!r} given"


def _media_type(value: str) -> str:
    return value.split(";", maxsplit=1)[0].strip().lower()


def _texts(expected: Expectation, answer: Answer) -> Iterator[str]:
    text = answer.body.decode("utf-8", errors="replace")
    yield from (f"body: {part!r} is missing" for part in expected.body_contains if part not in text)
    yield from (f"body: {part!r} is not wanted" for part in expected.body_not_contains if part in text)


def _document(expected: Expectation, answer: Answer) -> Iterator[str]:
    wanted = [(expected.json, False), (expected.json_subset, True)]
    plain = not (expected.json_keys or expected.json_contains or expected.error_contains is not None)
    if plain and all(value is UNSET for value, _ in wanted):
        return
    document = _parse(answer.body)
    if document is NO_JSON:
        yield "body: JSON expected, something else given"
        return
    if expected.error_contains is not None:
        yield from _error(expected.error_contains, document)
    yield from _keys(expected.json_keys, document)
    yield from _items(expected.json_contains, document)
    for value, subset in wanted:
        if value is not UNSET:
            yield from value_differences(value, document, "body", subset=subset)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return NO_JSON


def _keys(wanted: list[str], document: Any) -> Iterator[str]:
    given = document if isinstance(document, dict) else {}
    yield from (f"body: the key {key!r} is missing" for key in wanted if key not in given)


def _items(wanted: list[Any], document: Any) -> Iterator[str]:
    """The items that no item of the list is like, which may have further keys."""
    given = document if isinstance(document, list) else []
    for item in wanted:
        if all(list(value_differences(item, other, "", subset=True)) for other in given):
            yield f"body: no item is like {item!r}"


def _error(wanted: str, document: Any) -> Iterator[str]:
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, str) or wanted not in error:
        yield f"error: {wanted!r} expected in it, {error!r} given"


def value_differences(expected: Any, given: Any, path: str, *, subset: bool) -> Iterator[str]:
    """Where two JSON values differ; `subset` = the given objects may have further keys."""
    if isinstance(expected, dict) and isinstance(given, dict):
        yield from _object(expected, given, path, subset)
    elif isinstance(expected, list) and isinstance(given, list):
        if len(expected) != len(given):
            yield f"{path}: {len(expected)} elements expected, {len(given)} given"
        for index, (one, other) in enumerate(zip(expected, given, strict=False)):
            yield from value_differences(one, other, f"{path}[{index}]", subset=subset)
    elif not _equal(expected, given):
        yield f"{path}: {expected!r} expected, {given!r} given"


def _object(expected: dict[str, Any], given: dict[str, Any], path: str, subset: bool) -> Iterator[str]:
    yield from (f"{path}.{key}: missing" for key in expected.keys() - given.keys())
    if not subset:
        yield from (f"{path}.{key}: not wanted" for key in given.keys() - expected.keys())
    for key in expected.keys() & given.keys():
        yield from value_differences(expected[key], given[key], f"{path}.{key}", subset=subset)


def _equal(expected: Any, given: Any) -> bool:
    if isinstance(expected, float) or isinstance(given, float):
        return _is_number(expected) and _is_number(given) and _close(expected, given)
    return type(expected) is type(given) and bool(expected == given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _close(expected: float, given: float) -> bool:
    return math.isclose(expected, given, rel_tol=RELATIVE) or (math.isnan(expected) and math.isnan(given))

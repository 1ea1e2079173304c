"""Cases of OpenAI's API: what an answer or a stream of events must be like.

The keys beside those of every case are told at `OpenAiExpectation`.
"""

import base64
import json
import re
import struct
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, field

from tests.conformance.cases import Facts
from tests.conformance.exchange import Answer, exchange
from tests.server_process import Address

TOLERANCE: Final = 1e-3
KEY: Final = "a-key-for-the-cases-of-openai"
ERROR_KEYS: Final = frozenset({"message", "type", "param", "code"})
COMPANY: Final = {"model": "tinychat", "temperature": 2.0, "max_tokens": 12}  # requests beside the one meant


class Repeat(Struct, forbid_unknown_fields=True):
    """The request is sent so many times, beside so many others; what lies at `same` is always the same."""

    times: int
    concurrently: int
    same: str


class Stream(Struct, forbid_unknown_fields=True):
    """What a stream of events must be like. `text` = that of all chunks joined."""

    object: str | None = None
    first_delta: Any = UNSET
    text: str | None = None
    text_not_contains: str | None = None
    finish_reason: str | None = None
    min_text_chunks: int = 0
    same: list[str] = field(default_factory=list)
    done: bool = False
    usage: str | None = None
    usage_equals_unary: bool = False
    no_replacement_char: bool = False


class Vectors(Struct, forbid_unknown_fields=True):
    """What embeddings must be like. `same_as_float` = as far as that those sent as numbers are."""

    count: int
    dim: int
    norm: float | None = None
    tolerance: float = TOLERANCE
    same_as_float: float | None = None
    same_alone: float | None = None


class OpenAiExpectation(Struct, forbid_unknown_fields=True):
    """What an answer must be like; lists may go on, numbers are within 1e-3."""

    status: int
    json_subset: Any = UNSET
    json_contains: dict[str, list[Any]] = field(
        default_factory=dict
    )  # the list at the path has items like these
    types: dict[str, str] = field(default_factory=dict)  # int, str, list, float<=0, str:^regex by path
    length: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)  # how they begin
    headers_present: list[str] = field(default_factory=list)
    join: dict[str, str] = field(default_factory=dict)  # the texts at the path, joined
    error: dict[str, Any] | None = None  # of the object under `error`, which has all four keys
    repeat: Repeat | None = None
    sse: Stream | None = None
    vectors: Vectors | None = None


class OpenAiCase(Facts, kw_only=True):
    """One request and the answers that are right. A header that is null is not sent."""

    method: str
    path: str
    expect: OpenAiExpectation
    body: Any = None
    body_text: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    also_ok: list[OpenAiExpectation] = field(default_factory=list)

    @property
    def accepted(self) -> list[OpenAiExpectation]:
        """Every expectation that an answer may meet."""
        return [self.expect, *self.also_ok]


def send(address: Address, case: OpenAiCase, body: Any = UNSET) -> Answer:
    """The answer to a case, or to the same with another body."""
    given = case.body if isinstance(body, UnsetType) else body
    data = b"" if given is None else json.dumps(given).encode()
    if case.body_text is not None:
        data = case.body_text.encode()
    headers: dict[str, str | None] = {
        "host": f"{address.host}:{address.port}",
        "connection": "close",
        "content-type": "application/json",
        "content-length": str(len(data)),
        **({"authorization": f"Bearer {KEY}"} if "api_key" in case.needs else {}),
        **case.headers,
    }
    lines = [f"{case.method} {case.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return exchange(address, case.method, "\r\n".join([*lines, "", ""]).encode() + data)


def differences(address: Address, case: OpenAiCase, expected: OpenAiExpectation) -> list[str]:
    """Everything about the answer that is not as expected; empty = it is."""
    answer = send(address, case)
    if found := [*head_differences(expected, answer)]:
        return found  # the rest is about another answer
    if expected.sse is not None:
        return [*found, *stream_differences(address, case, expected.sse, answer)]
    try:
        document = json.loads(answer.body)
    except ValueError:
        return [*found, f"no JSON: {answer.body[:200]!r}"]
    found += document_differences(expected, document)
    if expected.repeat is not None:
        found += repeat_differences(address, case, expected.repeat)
    if expected.vectors is not None:
        found += vector_differences(address, case, expected.vectors, document)
    return found


def head_differences(expected: OpenAiExpectation, answer: Answer) -> Iterator[str]:
    if answer.status != expected.status:
        yield f"status {answer.status}, not {expected.status}: {answer.body[:300]!r}"
    for name, start in expected.headers.items():
        if not answer.headers.get(name, "").startswith(start):
            yield f"header {name} is {answer.headers.get(name)!r}, not {start!r}"
    for name in expected.headers_present:
        if name not in answer.headers:
            yield f"header {name} is not there"


def document_differences(expected: OpenAiExpectation, document: Any) -> Iterator[str]:
    if expected.json_subset is not UNSET:
        yield from subset_differences("$", expected.json_subset, document)
    for path, items in expected.json_contains.items():
        held = one_at(document, path)
        for item in items:
            if not any(not [*subset_differences(path, item, other)] for other in held):
                yield f"{path} has no item like {item}"
    yield from place_differences(expected, document)
    if expected.error is not None:
        told = document.get("error")
        if not isinstance(told, dict) or told.keys() != ERROR_KEYS or not told["message"]:
            yield f"error is {told!r}"
        else:
            yield from subset_differences("error", expected.error, told)


def place_differences(expected: OpenAiExpectation, document: Any) -> Iterator[str]:
    for path, kind in expected.types.items():
        if not has_type(one_at(document, path), kind):
            yield f"{path} is {one_at(document, path)!r}, not {kind}"
    for path, length in expected.length.items():
        if len(one_at(document, path)) != length:
            yield f"{path} has {len(one_at(document, path))} items, not {length}"
    for path, text in expected.join.items():
        if "".join(all_at(document, path)) != text:
            yield f"{path} joins to {''.join(all_at(document, path))!r}, not {text!r}"


def subset_differences(path: str, expected: Any, given: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(given, dict):
        for key, value in expected.items():
            if key in given:
                yield from subset_differences(f"{path}.{key}", value, given[key])
            else:
                yield f"{path}.{key} is not there"
    elif isinstance(expected, list) and isinstance(given, list) and len(given) >= len(expected):
        for place, value in enumerate(expected):
            yield from subset_differences(f"{path}[{place}]", value, given[place])
    elif isinstance(expected, float) and isinstance(given, int | float):
        if abs(given - expected) > TOLERANCE:
            yield f"{path} is {given}, not {expected}"
    elif expected != given or type(expected) is not type(given):
        yield f"{path} is {given!r}, not {expected!r}"


def all_at(document: Any, path: str) -> list[Any]:
    """What lies at a path such as `choices[0].logprobs.tokens[*]`."""
    found = [document]
    for name, place in re.findall(r"(\w+)|\[(\d+|\*)\]", path):
        if name:
            found = [item.get(name) if isinstance(item, dict) else None for item in found]
        elif place == "*":
            found = [each for item in found for each in item]
        else:
            found = [item[int(place)] if item else None for item in found]
    return found


def one_at(document: Any, path: str) -> Any:
    return all_at(document, path)[0]


def has_type(value: Any, kind: str) -> bool:
    if kind.startswith("str:"):
        return isinstance(value, str) and re.search(kind.removeprefix("str:"), value) is not None
    if kind == "float<=0":
        return isinstance(value, int | float) and value <= 0
    return type(value) is {"int": int, "str": str, "list": list}[kind]


def repeat_differences(address: Address, case: OpenAiCase, repeat: Repeat) -> Iterator[str]:
    """Send it again, with others beside it."""
    with ThreadPoolExecutor(repeat.concurrently + 1) as threads:
        seen = set()
        for number in range(repeat.times):
            others = [
                threads.submit(send, address, case, {**COMPANY, "prompt": f"alpha {place}", "seed": place})
                for place in range(number, number + repeat.concurrently)
            ]
            own = threads.submit(send, address, case)
            seen.add(json.dumps(one_at(json.loads(own.result().body), repeat.same)))
            for other in others:
                if other.result().status != 200:
                    yield f"another request was answered {other.result().status}"
    if len(seen) != 1:
        yield f"{repeat.same} is not always the same: {sorted(seen)}"


def stream_differences(address: Address, case: OpenAiCase, expected: Stream, answer: Answer) -> Iterator[str]:
    parts = [part for part in answer.body.decode().split("\n\n") if part and not part.startswith(":")]
    data = [part.removeprefix("data: ") for part in parts]
    if expected.done and data[-1:] != ["[DONE]"]:
        yield f"the last event is {data[-1:]}"
    chunks = [json.loads(part) for part in data if part != "[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    texts = [said for choice in choices if (said := text_of(choice))]
    if expected.object is not None and {chunk["object"] for chunk in chunks} != {expected.object}:
        yield f"object is not always {expected.object}"
    if expected.first_delta is not UNSET:
        yield from subset_differences("first delta", expected.first_delta, choices[0]["delta"])
    yield from text_differences(expected, texts)
    reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    if expected.finish_reason is not None and reasons != [expected.finish_reason]:
        yield f"reasons: {reasons}"
    for key in expected.same:
        if len({chunk[key] for chunk in chunks}) != 1:
            yield f"{key} is not always the same"
    yield from usage_differences(address, case, expected, chunks)


def text_of(choice: Mapping[str, Any]) -> str | None:
    """What a choice of a chunk adds to its text."""
    return choice.get("text") or choice.get("delta", {}).get("content")


def text_differences(expected: Stream, texts: list[str]) -> Iterator[str]:
    joined = "".join(texts)
    if expected.text is not None and joined != expected.text:
        yield f"the text is {joined!r}, not {expected.text!r}"
    if expected.text_not_contains is not None and expected.text_not_contains in joined:
        yield f"the text is {joined!r}"
    if expected.no_replacement_char and "\ufffd" in joined:
        yield f"half a character in {texts}"
    if len(texts) < expected.min_text_chunks:
        yield f"{len(texts)} chunks with text"


def usage_differences(
    address: Address, case: OpenAiCase, expected: Stream, chunks: list[Mapping[str, Any]]
) -> Iterator[str]:
    if expected.usage == "absent" and any("usage" in chunk for chunk in chunks):
        yield "usage is told"
    if expected.usage == "last" and (not chunks[-1].get("usage") or chunks[-1]["choices"]):
        yield f"the last chunk is {chunks[-1]}"
    if expected.usage_equals_unary:
        whole = {key: value for key, value in case.body.items() if key not in ("stream", "stream_options")}
        usage = json.loads(send(address, case, whole).body)["usage"]
        if chunks[-1]["usage"] != usage:
            yield f"usage is {chunks[-1]['usage']}, and {usage} where it is not streamed"


def vectors_of(document: Any) -> list[list[float]]:
    """The embeddings of an answer, whichever way they are written."""
    found = []
    for entry in document["data"]:
        vector = entry["embedding"]
        if isinstance(vector, str):
            data = base64.b64decode(vector)
            vector = list(struct.unpack(f"<{len(data) // 4}f", data))
        found.append(vector)
    return found


def vector_differences(address: Address, case: OpenAiCase, expected: Vectors, document: Any) -> Iterator[str]:
    vectors = vectors_of(document)
    if len(vectors) != expected.count or any(len(vector) != expected.dim for vector in vectors):
        yield f"vectors of {[len(vector) for vector in vectors]}"
    for vector in vectors if expected.norm is not None else ():
        if abs(sum(value * value for value in vector) ** 0.5 - expected.norm) > expected.tolerance:
            yield "a vector's length is another"
    if expected.same_as_float is not None:
        other = vectors_of(json.loads(send(address, case, {**case.body, "encoding_format": "float"}).body))
        if furthest(vectors, other) > expected.same_as_float:
            yield "the numbers are others as float"
    if expected.same_alone is not None:
        alone = [
            vectors_of(json.loads(send(address, case, {**case.body, "input": [text]}).body))[0]
            for text in case.body["input"]
        ]
        if furthest(vectors, alone) > expected.same_alone:
            yield "the numbers are others alone"


def furthest(ones: list[list[float]], others: list[list[float]]) -> float:
    """The greatest difference between numbers of two lists of vectors."""
    return max(
        abs(one - other)
        for vector, counterpart in zip(ones, others, strict=True)
        for one, other in zip(vector, counterpart, strict=True)
    )

"""Conformance cases: what a case file says, and the bytes that a case sends.

A case file is a JSON list. A key that this reader does not know is an error, so that none is passed over in
silence. What the keys mean is told beside each. Here are the cases over HTTP; `grpc_cases.py` has the others.
"""

import base64
import gzip
import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field


class Facts(Struct, forbid_unknown_fields=True, kw_only=True):
    """What every case says about itself."""

    id: str
    why: str
    certain: bool = True  # false = not verified against the reference: reported, never a failure
    quirk: bool = False  # the reference's behaviour looks like an accident
    malformed: bool = False  # the request is one that no client should send
    needs: list[str] = field(default_factory=list)
    listeners: list[str] = field(default_factory=list)  # where it holds; none = wherever the file is run

    def runs_on(self, listener: str) -> bool:
        """Whether it holds on that listener."""
        return not self.listeners or listener in self.listeners


C = TypeVar("C", bound=Facts)


class Expectation(Struct, forbid_unknown_fields=True):
    """What an answer must be like. Every key that is given must hold."""

    status: int
    json: Any = UNSET  # the whole body: numbers within 1e-6 relative, NaN equals NaN
    json_subset: Any = UNSET  # every key given is there and equal, recursively; lists are equal in length
    json_keys: list[str] = field(default_factory=list)  # the body is an object that has these
    json_contains: list[Any] = field(default_factory=list)  # the body is a list with an item like each
    binary: dict[str, str] = field(default_factory=dict)  # in base64, the bytes of V2's binary outputs
    error_contains: str | None = None  # the body is an object whose string `error` contains this
    body_contains: list[str] = field(default_factory=list)
    body_not_contains: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  # media types are compared without parameters

    def lenient(self) -> "Expectation":
        """The same with `json` read as `json_subset`, for a listener that answers the union of dialects."""
        if self.json is UNSET:
            return self
        return msgspec.structs.replace(self, json=UNSET, json_subset=self.json)


class Case(Facts, kw_only=True):
    """One request and the answers that are right."""

    method: str
    path: str
    expect: Expectation
    headers: dict[str, str] = field(default_factory=dict)
    body: Any | UnsetType | None = None  # a string is sent as it is, in UTF-8; anything else but null as JSON
    body_b64: str | None = None  # the body's bytes in base64, instead
    gzip_body: bool = False
    also_ok: list[Expectation] = field(default_factory=list)

    @property
    def accepted(self) -> list[Expectation]:
        """Every expectation that an answer may meet."""
        return [self.expect, *self.also_ok]

    def payload(self) -> bytes | None:
        """The body's bytes; None = the request has no body."""
        if self.body_b64 is not None:
            return base64.b64decode(self.body_b64, validate=True)
        if self.body is None:
            return None
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        body = text.encode()
        return gzip.compress(body, mtime=0) if self.gzip_body else body

    def request(self, host: str) -> bytes:
        """The request as it goes over the wire: the case itself, what HTTP/1.1 asks for and a JSON type."""
        body = self.payload()
        headers = {"Host": host, "Connection": "close"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (headers | self.headers).items()]
        return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def load(file: Path, kind: type[C] = Case) -> list[C]:
    """The cases of a file that are all of one kind.

    Errors: ValueError names what is no case, or an id that is used twice.
    """
    cases = msgspec.convert(json.loads(file.read_bytes()), list[kind])
    ids = [case.id for case in cases]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise ValueError(f"{file.name}: used for more than one case: {', '.join(sorted(twice))}")
    return cases

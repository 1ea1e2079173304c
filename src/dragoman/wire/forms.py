"""Bodies as named parts, by TorchServe's rules: the fields of a form, or one part called `body`."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from multipart import parse_options_header

from dragoman.core.errors import invalid
from dragoman.core.requests import PayloadPart
from dragoman.wire.messages import Headers, WireRequest
from dragoman.wire.multipart import MAX_PARTS, media_type, read_multipart
from dragoman.wire.percent import form_decoded

BODY: Final = "body"  # the part that a body which is no form becomes
MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"


class Form(Struct):
    """The parts of a body; `kind` = the encoding of the form that they were in, None = it was none."""

    parts: list[PayloadPart]
    kind: str | None = None


def read_form(wire: WireRequest) -> Form:
    """The parts of a body, all of them in their order.

    Errors: INVALID_ARGUMENT for more parts than the limits.
    """
    given = wire.header(b"content-type")
    text = None if given is None else given.decode("latin-1")
    kind = media_type(text)
    known = "" if kind is None else kind.lower()
    if known == MULTIPART and (boundary := boundary_of(text or "")):
        body = wire.body
        return Form(read_multipart(bytes(body) if isinstance(body, memoryview) else body, boundary), known)
    if known == URLENCODED:
        return Form(read_fields(bytes(wire.body)), known)
    return Form([PayloadPart(BODY, wire.body, kind)])


def boundary_of(content_type: str) -> str:
    """The boundary that a content type names; empty = none that could be one."""
    boundary = str(parse_options_header(content_type)[1].get("boundary", ""))
    return "" if "\n" in boundary else boundary


def read_fields(data: bytes) -> list[PayloadPart]:
    """The fields of `name=value&...`, as in a form's body or in a query; they have no types.

    Errors: INVALID_ARGUMENT for more fields than the limit.
    """
    fields = [field for field in data.split(b"&", MAX_PARTS + 1) if field]
    if len(fields) > MAX_PARTS:
        raise invalid(f"the form has more than {MAX_PARTS} fields")
    parts = []
    for field in fields:
        name, _, value = field.partition(b"=")
        parts.append(PayloadPart(form_decoded(name).decode("utf-8", "replace"), form_decoded(value)))
    return parts


def last_of_each(parts: Iterable[PayloadPart]) -> list[PayloadPart]:
    """One part of each name, the last; TorchServe's handlers see no other."""
    return list({part.name: part for part in parts}.values())


def caller_headers(headers: Headers) -> dict[str, str]:
    """A request's headers as texts, spelt as the caller spelt them; of equal names the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}

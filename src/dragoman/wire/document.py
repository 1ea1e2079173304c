"""The JSON document in a request's body."""

from dragoman.core.errors import invalid
from dragoman.settings.limits import Limits
from dragoman.wire.inflate import inflate
from dragoman.wire.json_tree import JsonObject, excerpt, load
from dragoman.wire.messages import WireRequest

Body = bytes | bytearray | memoryview


def read_document(wire: WireRequest, limits: Limits) -> JsonObject:
    """The body's object. `Content-Type` is not looked at: the reference takes curl's form type too.

    Errors: INVALID_ARGUMENT for no JSON or no object, TOO_LARGE for what inflates beyond the limit.
    """
    return parse_document(read_body(wire, limits), limits)


def read_body(wire: WireRequest, limits: Limits) -> Body:
    """The body, inflated if need be.

    Errors: TOO_LARGE for what inflates beyond the limit.
    """
    encoding = wire.header(b"content-encoding")
    if encoding is not None and b"gzip" in encoding.lower():
        return inflate(wire.body, limits.inflated_bytes)
    return wire.body


def parse_document(body: Body, limits: Limits) -> JsonObject:
    """The object that a body holds.

    Errors: INVALID_ARGUMENT for no JSON or no object.
    """
    document = load(body, limits.json_depth)
    if type(document) is not dict:
        raise invalid(f"JSON Value: {excerpt(document)} Is not object")
    return document


def signature_name(document: JsonObject) -> str | None:
    """The signature that is asked for; None = the default one, which an empty name means too.

    Errors: INVALID_ARGUMENT where it is no text.
    """
    name = document.get("signature_name", "")
    if type(name) is not str:
        raise invalid(
            f"JSON Value: {excerpt(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name or None

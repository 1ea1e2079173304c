"""The JSON document in a request's body."""

from dragoman.core.errors import invalid
from dragoman.settings.limits import Limits
from dragoman.wire.inflate import inflate
from dragoman.wire.json_tree import JsonObject, excerpt, load
from dragoman.wire.messages import WireRequest


def read_document(wire: WireRequest, limits: Limits) -> JsonObject:
    """The body's object. `Content-Type` is not looked at: the reference takes curl's form type too.

    Errors: INVALID_ARGUMENT for no JSON or no object, TOO_LARGE for what inflates beyond the limit.
    """
    body = wire.body
    encoding = wire.header(b"content-encoding")
    if encoding is not None and b"gzip" in encoding.lower():
        body = inflate(body, limits.inflated_bytes)
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

"""JSON in a body or in an event, with KServe's words for what is none."""

from dragoman.core.errors import DragomanError, invalid
from dragoman.wire.json_tree import JsonValue, load

Data = bytes | bytearray | memoryview


def read_payload(data: Data, max_depth: int, what: str) -> JsonValue:
    """The JSON value.

    Errors: INVALID_ARGUMENT that begins with `what`.
    """
    try:
        return load(data, max_depth)
    except DragomanError as error:
        raise invalid(f"{what}: {error.message}") from None

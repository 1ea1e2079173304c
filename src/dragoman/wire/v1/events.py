"""CloudEvents: requests that are events, and the events that answer them.

Source: CloudEvents 1.0, its JSON format and HTTP binding; kserve/kserve `protocol/dataplane.py`. An answer is
an event of the request's mode, with an id and a time of its own. Of the request's attributes it repeats the
others, where the settings want that.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from dragoman.core.errors import DragomanError
from dragoman.wire.base64 import decode_base64
from dragoman.wire.cloud_event import MEDIA_TYPE, PREFIX, EventMode
from dragoman.wire.json_tree import JsonObject, JsonValue, dump, type_word
from dragoman.wire.messages import Headers, WireResponse
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.v1.payload import Data, read_payload
from dragoman.wire.v1.wording import bad_event

DATA: Final = "data"
DATA_BASE64: Final = "data_base64"
REQUIRED: Final = ("id", "source", "specversion", "type")
VERSIONS: Final = ("1.0", "0.3")  # of the specification; they differ in nothing that matters here
ANSWERED: Final = "1.0"
NOT_REPEATED: Final = frozenset({DATA, DATA_BASE64, "datacontentencoding", "datacontenttype", "dataschema"})
BAD_PAYLOAD: Final = "Failed to decode or parse binary json cloudevent"
PLAIN: Final = frozenset(range(0x21, 0x7F)) - frozenset(b'"%')  # bytes that stand for themselves in a header


class Event(Struct, frozen=True):
    """What a request's event said of itself, apart from its data."""

    mode: EventMode
    attributes: Mapping[str, JsonValue]


def read_event(mode: EventMode, headers: Headers, body: Data, max_depth: int) -> tuple[Event, JsonValue]:
    """The event, and the payload it carries.

    Errors: INVALID_ARGUMENT for attributes that are missing or wrong, and a payload that is no JSON.
    """
    if mode is EventMode.BINARY:
        return read_binary(headers, body, max_depth)
    return read_structured(body, max_depth)


def read_binary(headers: Headers, body: Data, max_depth: int) -> tuple[Event, JsonValue]:
    """An event whose attributes are headers. Their values stay as they are written there."""
    attributes: dict[str, JsonValue] = {
        name[len(PREFIX) :].lower().decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if name[: len(PREFIX)].lower() == PREFIX
    }
    check(attributes)
    return Event(EventMode.BINARY, attributes), read_payload(body, max_depth, BAD_PAYLOAD)


def read_structured(body: Data, max_depth: int) -> tuple[Event, JsonValue]:
    """An event that is a JSON object. Its data may also be JSON in base64."""
    document = read_payload(body, max_depth, "Unrecognized request format")
    if type(document) is not dict:
        raise bad_event(f"an event is an object, not {type_word(document)}")
    check(document)
    event = Event(EventMode.STRUCTURED, {name: document[name] for name in document if name != DATA})
    if DATA in document:
        return event, document[DATA]
    return event, read_payload(encoded_data(document), max_depth, BAD_PAYLOAD)


def check(attributes: JsonObject) -> None:
    """Nothing, if these are the attributes of an event.

    Errors: INVALID_ARGUMENT that names what is missing or wrong.
    """
    wrong = [name for name in REQUIRED if not attributes.get(name) or type(attributes[name]) is not str]
    if wrong:
        raise bad_event(f"missing or not a text: {', '.join(wrong)}")
    if attributes["specversion"] not in VERSIONS:
        raise bad_event(f"Found invalid specversion {attributes['specversion']}")


def encoded_data(document: JsonObject) -> bytes:
    """What `data_base64` stands for.

    Errors: INVALID_ARGUMENT where there is none, or it is no base64.
    """
    encoded = document.get(DATA_BASE64)
    if type(encoded) is not str:
        raise bad_event("the event has no data")
    try:
        return decode_base64(encoded)
    except DragomanError as error:
        raise bad_event(f"{DATA_BASE64}: {error.message}") from None


def write_event(event: Event, model: str, body: bytes, surroundings: Surroundings) -> WireResponse:
    """An answer's JSON as an event of the same mode."""
    fresh = fresh_attributes(model, surroundings)
    others = repeated(event, fresh) if surroundings.events.merge else {}
    if event.mode is EventMode.STRUCTURED:
        whole = b'%b,"data":%b}' % (dump(fresh | others)[:-1], body)
        return WireResponse(200, whole, content_type=MEDIA_TYPE)
    headers = [(PREFIX + name.encode(), escaped(value)) for name, value in fresh.items()]
    headers += [(PREFIX + name.encode("latin-1"), as_it_came(value)) for name, value in others.items()]
    return WireResponse(200, body, headers=headers)


def fresh_attributes(model: str, surroundings: Surroundings) -> dict[str, str]:
    """What the answer's event says of itself."""
    own = surroundings.events
    return {
        "specversion": ANSWERED,
        "id": surroundings.new_id(),
        "source": own.source or f"io.kserve.inference.{model}",
        "type": own.type,
        "time": datetime.fromtimestamp(surroundings.wall_s(), UTC).isoformat(),
    }


def repeated(event: Event, fresh: Mapping[str, str]) -> JsonObject:
    """What the answer's event says as well because the request's did: texts, integers and truths."""
    return {
        name: value
        for name, value in event.attributes.items()
        if name not in fresh and name not in NOT_REPEATED and isinstance(value, str | int)
    }


def as_it_came(value: JsonValue) -> bytes:
    """An attribute that was a header, as one."""
    return str(value).encode("latin-1")


def escaped(value: str) -> bytes:
    """A text as the value of a header: what may not stand there is percent-encoded, as the binding asks."""
    return b"".join(b"%c" % byte if byte in PLAIN else b"%%%02X" % byte for byte in value.encode())

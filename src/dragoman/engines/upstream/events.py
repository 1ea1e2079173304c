"""Server-sent events: the data of each, whatever the pieces in which they arrive."""

from typing import Final

DATA: Final = b"data:"
MOST_EVENT_BYTES: Final = 16 * 1024 * 1024


class EventTooLongError(Exception):
    """An event is longer than any may be."""


class EventReader:
    """Reads one stream."""

    def __init__(self) -> None:
        self._line = bytearray()  # what has come of the line that is not complete
        self._data: bytearray | None = None  # the event's data so far; None where none has come

    def feed(self, part: bytes) -> list[bytes]:
        """The data of the events that are complete now. Comments and other fields say nothing here.

        Errors: EventTooLongError.
        """
        found = []
        *lines, rest = part.split(b"\n")
        for line in lines:
            self._line += line
            whole = bytes(self._line).removesuffix(b"\r")
            self._line.clear()
            if not whole:
                if self._data is not None:
                    found.append(bytes(self._data))
                    self._data = None
            elif whole.startswith(DATA):
                text = whole[len(DATA) :].removeprefix(b" ")
                self._data = bytearray(text) if self._data is None else self._data + b"\n" + text
        self._line += rest
        if len(self._line) + len(self._data or b"") > MOST_EVENT_BYTES:
            raise EventTooLongError
        return found

    @property
    def within_event(self) -> bool:
        """Whether an event has begun that is not complete."""
        return self._data is not None or bool(self._line)

"""What a handler measures, on its way to the server: with the next answer, or at once where none is due."""

import threading
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Final

from dragoman.core.measures import MeasureKind, Measurement

MOST_AT_ONCE: Final = 500  # in one frame
MOST_CHARACTERS: Final = 256  # of a name, a unit or a label
MOST_LABELS: Final = 16
KINDS: Final = {kind.value: kind for kind in MeasureKind}

Send = Callable[[list[Measurement]], None]


class Measuring:
    """Takes records from any thread; as a context it keeps those of a batch, whose answer asks for them.

    What comes before anybody is there to be told is kept until then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Measurement] = []
        self._batches = 0
        self._send: Send | None = None

    def connect(self, send: Send) -> None:
        """Tell this one from now on."""
        with self._lock:
            self._send = send
        self._send_kept()

    def take(self, records: Sequence[Any]) -> None:
        """Records of the package `ts`, as its sink gets them."""
        measurements = [found for record in records if (found := as_measurement(record)) is not None]
        with self._lock:
            self._kept += measurements
            due = self._batches and len(self._kept) < MOST_AT_ONCE
        if not due:
            self._send_kept()

    def __enter__(self) -> None:
        """A batch runs, whose answer will ask for what was kept."""
        with self._lock:
            self._batches += 1

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """It has ended; where it failed, what was kept is sent at once."""
        with self._lock:
            self._batches -= 1
        if failed is not None:
            self._send_kept()

    def kept(self) -> list[Measurement]:
        """What was measured and not sent."""
        with self._lock:
            kept, self._kept = self._kept, []
        return kept

    def _send_kept(self) -> None:
        send = self._send
        if send is not None:
            kept = self.kept()
            for start in range(0, len(kept), MOST_AT_ONCE):
                send(kept[start : start + MOST_AT_ONCE])


def as_measurement(record: Any) -> Measurement | None:
    """A record as the server takes it; None where its value is no number, or one that no sum survives."""
    kind = KINDS[record.type]
    try:
        value = float(record.value)
    except (TypeError, ValueError, OverflowError):
        return None
    if kind is not MeasureKind.GAUGE and not isfinite(value):
        return None
    labels = tuple((cut(name), cut(text)) for name, text in record.dimensions[:MOST_LABELS])
    request_id = None if record.request_id is None else cut(record.request_id)
    return Measurement(
        cut(record.name), cut(record.unit), kind, labels, value, request_id, record.timestamp_s
    )


def cut(text: object) -> str:
    """The text, no longer than it may be."""
    return str(text)[:MOST_CHARACTERS]

"""A worker's own log lines: sent to the server, which writes them with the model's name."""

from collections.abc import MutableMapping
from typing import Any, Final, NoReturn

import structlog

from dragoman.execution.workers.channel import Channel
from dragoman.execution.workers.frames import Record

MOST_FIELDS: Final = 32
MOST_CHARACTERS: Final = 16 * 1024  # of one field, from its end: the end of a traceback says most


def send_logs(channel: Channel) -> None:
    """Send every structured log line of this process to the server."""

    def send(_: Any, level: str, event: MutableMapping[str, Any]) -> NoReturn:
        channel.send(as_record(level, event))
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.processors.format_exc_info, send], cache_logger_on_first_use=True
    )


def as_record(level: str, event: MutableMapping[str, Any]) -> Record:
    """A log line as text of bounded length."""
    name = str(event.pop("event", ""))[-MOST_CHARACTERS:]
    fields = {
        str(key)[:MOST_FIELDS]: str(value)[-MOST_CHARACTERS:]
        for key, value in list(event.items())[:MOST_FIELDS]
    }
    return Record({"exception": "error", "warn": "warning"}.get(level, level), name, fields)

"""What engines and libraries say of a failure, which a server would log, kept for the person who waits."""

from collections.abc import MutableMapping
from typing import Any, Final, NoReturn

import structlog

from dragoman.core.errors import DragomanError

# How messages end that leave the rest to a log; here there is none.
POINTERS: Final = ("; the log tells more", "; the server's log tells more")
LONGEST: Final = 500


class Causes:
    """Takes the place of the log: nothing is printed, and the last cause is kept."""

    def __init__(self) -> None:
        self.last = ""

    def listen(self) -> None:
        """Be where log entries of this process and its workers go."""
        structlog.configure(
            processors=[structlog.processors.format_exc_info, self], cache_logger_on_first_use=False
        )

    def __call__(self, logger: Any, level: str, entry: MutableMapping[str, Any]) -> NoReturn:
        """Keep the entry's cause: what it says of it, or the last line of its traceback."""
        found = str(entry.get("cause") or entry.get("exception") or "").strip()
        if found:
            self.last = found.splitlines()[-1][:LONGEST]
        raise structlog.DropEvent

    def told(self, error: DragomanError) -> str:
        """The message, with the cause in the place of the log it points to."""
        for pointer in POINTERS:
            if error.message.endswith(pointer):
                message = error.message.removesuffix(pointer)
                return f"{message}: {self.last}" if self.last else message
        return error.message

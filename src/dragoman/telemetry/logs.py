"""Structured logs on stderr, and the access log.

By default the access log holds failures and slow requests only: a line nobody asked for costs more than the
request.
"""

import logging
import sys
from typing import Any, Final, Literal

import structlog

Access = Literal["failures", "full", "off"]
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class StderrLogger:
    """Writes lines to what `sys.stderr` is then: a live table on a terminal takes its place for a while."""

    def msg(self, line: str) -> None:
        """Write one line at once."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


def configure_logs(level: str, form: str) -> None:
    """Send log lines to stderr. `form` is console, json, or auto: console on a terminal, else json."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.processors.JSONRenderer()
    if console:  # plain tracebacks: the fancy ones print the values of local variables
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    tracebacks: list[Any] = [] if console else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tracebacks,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: StderrLogger(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=LEVELS[level], format="%(levelname)s %(name)s %(message)s")


class AccessLog:
    """Decides which finished requests are worth a line, and writes it, whatever level other entries need."""

    __slots__ = ("_full", "_logger", "_off", "_slow_ns")

    def __init__(self, access: Access, slow_request_s: float) -> None:
        self._full = access == "full"
        self._off = access == "off"
        self._slow_ns = int(slow_request_s * 1e9)
        self._logger = structlog.wrap_logger(
            StderrLogger(),
            wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        )

    def wants(self, code: str, elapsed_ns: int) -> bool:
        """Whether this request gets a line."""
        return self._full or (not self._off and (code != "OK" or elapsed_ns >= self._slow_ns))

    def write(self, **fields: Any) -> None:
        """One line for one finished request."""
        self._logger.info("request", **fields)

"""Structured logs on stderr, and the access log.

By default the access log holds failures and slow requests only: a line nobody asked for costs more than the
request.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog
from msgspec.structs import asdict

from dragoman.core.control import LogKinds, SetLogs

Access = Literal["failures", "full", "off"]
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class StderrLogger:
    """Writes lines to what `sys.stderr` is then: a live table on a terminal takes its place for a while."""

    def msg(self, line: str) -> None:
        """Write one line at once."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


class AccessLogger(StderrLogger):
    """The same for the access log."""


class LogSwitch:
    """Which kinds of entries are written, which may change while the server runs: it is asked of each."""

    def __init__(self, level: str = "info") -> None:
        self._level = LEVELS[level]
        self.kinds = LogKinds(
            warning=LEVELS["warning"] >= self._level,
            info=LEVELS["info"] >= self._level,
            verbose=int(LEVELS["debug"] >= self._level),
        )

    def change(self, request: SetLogs) -> LogKinds:
        """Write these kinds from now on."""
        given = {kind: wanted for kind, wanted in asdict(request).items() if wanted is not None}
        self.kinds = LogKinds(**{**asdict(self.kinds), **given})
        logging.getLogger().setLevel(self.lowest)
        return self.kinds

    @property
    def lowest(self) -> int:
        """The lowest level that is written, as Python's own log counts; above all of them where none is."""
        wanted = (level for level in LEVELS if self.writes(level))
        return min((LEVELS[level] for level in wanted), default=logging.CRITICAL + 1)

    def writes(self, level: str) -> bool:
        """Whether entries of this level are written."""
        kinds = self.kinds
        wanted = {"debug": kinds.verbose > 0, "info": kinds.info, "warning": kinds.warning}
        return wanted.get(level, kinds.error)

    def __call__(self, logger: Any, level: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The entry, where it is written. The access log has its own setting."""
        if not isinstance(logger, AccessLogger) and not self.writes(level):
            raise structlog.DropEvent
        return entry


def configure_logs(level: str, form: str) -> LogSwitch:
    """Send log lines to stderr. `form` is console, json, or auto: console on a terminal, else json."""
    switch = LogSwitch(level)
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.processors.JSONRenderer()
    if console:  # plain tracebacks: the fancy ones print the values of local variables
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    tracebacks: list[Any] = [] if console else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[
            switch,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tracebacks,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=lambda *_: StderrLogger(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=switch.lowest, format="%(levelname)s %(name)s %(message)s")
    return switch


class AccessLog:
    """Decides which finished requests are worth a line, and writes it, whatever level other entries need."""

    __slots__ = ("_full", "_logger", "_off", "_slow_ns")

    def __init__(self, access: Access, slow_request_s: float) -> None:
        self._full = access == "full"
        self._off = access == "off"
        self._slow_ns = int(slow_request_s * 1e9)
        self._logger = structlog.wrap_logger(
            AccessLogger(),
            wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        )

    def wants(self, code: str, elapsed_ns: int) -> bool:
        """Whether this request gets a line."""
        return self._full or (not self._off and (code != "OK" or elapsed_ns >= self._slow_ns))

    def write(self, **fields: Any) -> None:
        """One line for one finished request."""
        self._logger.info("request", **fields)

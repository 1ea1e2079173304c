"""Which requests get a line in the access log."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from dragoman.core.control import LogKinds, SetLogs
from dragoman.telemetry.logs import AccessLog, configure_logs

SLOW_NS = 2_000_000_000


@pytest.mark.parametrize(
    ("access", "code", "elapsed_ns", "wanted"),
    [
        ("failures", "OK", 1000, False),
        ("failures", "OK", SLOW_NS, True),
        ("failures", "NOT_FOUND", 1000, True),
        ("full", "OK", 1000, True),
        ("off", "NOT_FOUND", SLOW_NS, False),
    ],
)
def test_the_access_log_holds_what_its_setting_says(
    access: str, code: str, elapsed_ns: int, wanted: bool
) -> None:
    assert AccessLog(access, 1.0).wants(code, elapsed_ns) is wanted


def test_lines_off_a_terminal_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    try:
        configure_logs("info", "auto")
        structlog.get_logger("test").info("loaded", model="m")
        structlog.get_logger("test").debug("hidden")
    finally:
        structlog.reset_defaults()
    line = json.loads(stderr.getvalue())
    assert (line["event"], line["level"], line["model"]) == ("loaded", "info", "m")


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """What has been written since one asked last."""
    level = logging.getLogger().level
    yield lambda: [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    structlog.reset_defaults()
    logging.getLogger().setLevel(level)


def say_all() -> None:
    log = structlog.get_logger("test")
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)(level)
    try:
        raise ValueError
    except ValueError:
        log.exception("exception")


@pytest.mark.parametrize(
    ("level", "kinds", "events"),
    [
        ("debug", LogKinds(verbose=1), ["debug", "info", "warning", "error", "critical", "exception"]),
        ("info", LogKinds(), ["info", "warning", "error", "critical", "exception"]),
        ("warning", LogKinds(info=False), ["warning", "error", "critical", "exception"]),
        ("error", LogKinds(info=False, warning=False), ["error", "critical", "exception"]),
    ],
)
def test_a_level_is_the_kinds_from_there_on(
    written: Callable[[], list[str]], level: str, kinds: LogKinds, events: list[str]
) -> None:
    switch = configure_logs(level, "json")
    say_all()
    assert (switch.kinds, written()) == (kinds, events)


def test_kinds_are_switched_while_loggers_are_in_use(written: Callable[[], list[str]]) -> None:
    switch = configure_logs("info", "json")
    say_all()
    written()
    assert switch.change(SetLogs(info=False, verbose=2)) == LogKinds(info=False, verbose=2)
    say_all()
    assert written() == ["debug", "warning", "error", "critical", "exception"]
    assert logging.getLogger().level == logging.DEBUG
    assert switch.change(SetLogs()) == LogKinds(info=False, verbose=2)
    switch.change(SetLogs(error=False, warning=False, verbose=0))
    say_all()
    assert written() == []
    assert logging.getLogger().level > logging.CRITICAL


def test_the_access_log_has_a_setting_of_its_own(written: Callable[[], list[str]]) -> None:
    configure_logs("error", "json")
    AccessLog("full", 1.0).write(path="/")
    assert written() == ["request"]

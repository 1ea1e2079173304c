"""Which requests get a line in the access log."""

import io
import json

import pytest
import structlog

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

"""What the server offers is written down, and what is written down exists."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.assembly.builtin import protocols
from dragoman.core.status import StatusReport
from dragoman.telemetry.metrics import Metrics, MetricsCollector
from tests.meta import settings_page
from tests.meta.contracts import TREE

PAGES = {page: page.read_text(encoding="utf-8") for page in sorted((TREE / "docs").rglob("*.md"))}
ENTRANCE = {
    TREE / name: (TREE / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
}
LINES = [line for text in PAGES.values() for line in text.splitlines()]


def routes() -> set[tuple[str, str]]:
    """(method, path) of every built-in route, `{version:digits}` shown as `{version}`; not the catch-alls.

    A slash at the end is left out.
    """
    return {
        (route.method, re.sub(r"\{(\w+):\w+\}", r"{\1}", route.template).rstrip("/") or "/")
        for protocol in protocols()
        for dialect in protocol.routes.values()
        for route in dialect
        if ":path}" not in route.template
    }


def metrics() -> list[str]:
    """The families at /metrics that are our own."""
    return [family.name for family in MetricsCollector(Metrics(), StatusReport).collect()]


def links() -> Iterator[tuple[Path, str]]:
    """(page, target) of every link that does not leave the project."""
    for page, text in (PAGES | ENTRANCE).items():
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            yield page, target


def commands() -> list[str]:
    """The lines that are shown to be typed, without their comments."""
    lines = [line for text in (PAGES | ENTRANCE).values() for line in text.splitlines()]
    starts = ("dragoman ", "pip install ", "scripts/")
    return [line.partition("#")[0].strip() for line in lines if line.strip().startswith(starts)]


def test_the_settings_page_is_what_the_structs_say() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page()


def test_the_settings_page_covers_every_module_with_settings() -> None:
    modules = (TREE / "src" / "dragoman" / "settings").glob("*.py")
    with_settings = {path.stem for path in modules if "(Struct" in path.read_text(encoding="utf-8")}
    assert with_settings == set(settings_page.SOURCES)


@pytest.mark.parametrize(("method", "path"), sorted(routes()))
def test_a_route_is_documented(method: str, path: str) -> None:
    assert any(method in line and f"{path}`" in line for line in LINES)


@pytest.mark.parametrize("name", metrics())
def test_a_metric_is_documented(name: str) -> None:
    assert any(name in line for line in LINES)


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).exists()


def test_the_scripts_that_are_named_exist_and_run() -> None:
    named = {name for text in (PAGES | ENTRANCE).values() for name in re.findall(r"\bscripts/\w+\b", text)}
    assert named
    assert [name for name in sorted(named) if not os.access(TREE / name, os.X_OK)] == []


def test_the_readme_shows_the_two_commands() -> None:
    assert "pip install . && dragoman demo" in commands()
    assert "scripts/test" in commands()


def test_the_verbs_that_are_shown_exist() -> None:
    shown = {line.split()[1] for line in commands() if re.match(r"dragoman [a-z]", line)}
    command = [sys.executable, "-m", "dragoman", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown
    assert [verb for verb in sorted(shown) if not re.search(rf"\b{verb}\b", told)] == []

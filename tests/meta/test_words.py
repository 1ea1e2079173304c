"""The project names no machine's folders and no registry's hosts."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.meta.contracts import TREE

PLACES = ("src", "tests", "scripts", "bench", "docs", "examples", ".ci")
SUFFIXES = frozenset(
    {"", ".cfg", ".json", ".lua", ".md", ".properties", ".py", ".toml", ".txt", ".yaml", ".yml"}
)
# Written so that this file does not match itself.
UNWANTED = re.compile(r"/(?:tm[p]|roo[t]|hom[e]|wor[k])/|pyp[i]\.org|pythonhoste[d]|deb\.debia[n]|npmj[s]")


def files() -> Iterator[Path]:
    """Every text file of the project."""
    found = [path for place in PLACES for path in (TREE / place).rglob("*")]
    for path in [*found, *TREE.iterdir()]:
        if path.name == ".git":  # a file in a linked work tree; git's own, in either form
            continue
        if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts:
            yield path


def test_no_line_names_a_machine_path_or_a_registry_host() -> None:
    lines = [
        f"{path.relative_to(TREE)}:{number}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNWANTED.search(line)
    ]
    assert lines == []


def test_nothing_that_a_run_left_is_in_the_tree() -> None:
    told = subprocess.run(["git", "ls-files"], cwd=TREE, capture_output=True, text=True, check=False).stdout
    assert {line.partition("/")[0] for line in told.splitlines() if "/" in line} <= set(PLACES)

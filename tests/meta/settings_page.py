"""docs/settings.md, written from the structs in src/dragoman/settings and the comments beside their fields.

python -m tests.meta.settings_page write     write docs/settings.md
python -m tests.meta.settings_page check     fail if it is stale
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).parents[2]
SOURCES: Final = (
    "server",
    "archives",
    "registration",
    "snapshots",
    "overlay",
    "external",
    "pipeline",
    "access",
    "tokens",
    "deployment",
    "tls",
    "limits",
    "model",
)
PAGE: Final = TREE / "docs" / "settings.md"
EMPTY: Final = {"dict": "{}", "list": "[]"}
HEADER: Final = """\
# Settings

<!-- Written by scripts/generate from src/dragoman/settings; do not edit. -->

Every setting with its type, its default and what it does. Units are in the names: `_s`, `_ms`, `_bytes`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEADER, *(line for source in SOURCES for line in module(source))])


def module(name: str) -> Iterator[str]:
    """The structs of one module, each as a table."""
    text = (TREE / "src" / "dragoman" / "settings" / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and is_struct(node):
            yield from struct(node, lines)


def is_struct(node: ast.ClassDef) -> bool:
    """Whether a class holds settings."""
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return not bases.isdisjoint(("Struct", "ModelOverlay"))


def struct(node: ast.ClassDef, lines: Sequence[str]) -> Iterator[str]:
    """One struct: its heading, its docstring and a row per field."""
    yield f"## {node.name}"
    yield ""
    yield (ast.get_docstring(node) or "").replace("\n", " ")
    yield ""
    yield "| setting | type | default | |"
    yield "|---|---|---|---|"
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            type_ = ast.unparse(field.annotation).replace("|", "\\|")
            shown = default(field.value) if field.value else "required"
            yield f"| `{field.target.id}` | `{type_}` | {shown} | {comment(field, lines)} |"
    yield ""


def default(value: ast.expr) -> str:
    """A default as its owner would read it."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        factory = next(keyword.value for keyword in value.keywords if keyword.arg == "default_factory")
        name = ast.unparse(factory)
        return f"`{EMPTY.get(name, f'{name}()')}`"
    return f"`{ast.unparse(value)}`"


def comment(field: ast.AnnAssign, lines: Sequence[str]) -> str:
    """What stands behind `#` on the field's last line."""
    last = (field.end_lineno or field.lineno) - 1
    return lines[last].encode()[field.end_col_offset or 0 :].decode().partition("#")[2].strip()


def main(arguments: Sequence[str]) -> int:
    """Write or check; the exit code."""
    if arguments == ["write"]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if arguments != ["check"]:
        print(__doc__)
        return 2
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print("docs/settings.md is stale: run scripts/generate")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

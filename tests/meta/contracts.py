"""Who may import whom, as a table; `.importlinter` is written from it.

    python -m tests.meta.contracts write     write .importlinter
    python -m tests.meta.contracts check     fail if .importlinter is stale, then check every contract

A package that appears in src/dragoman and is not in LAYERS and TABLE stops both: it has to be placed on
purpose. The layers contract alone keeps too little (a protocol could still import the repository), hence one
contract per row. Those look at direct imports only: what is reached through an allowed package was allowed to
that one.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

TREE: Final = Path(__file__).parents[2]
CONTRACTS: Final = TREE / ".importlinter"
HEADER: Final = "# Written by scripts/generate from the table in tests/meta/contracts.py; do not edit."

# Highest first; `|` = neighbours that do not import each other.
LAYERS: Final = (
    ("cli",),
    ("convert",),
    ("assembly",),
    ("transports", "gateway", "config", "client"),
    ("explain",),
    ("protocols", "execution"),
    ("wire", "repository"),
    ("engines",),
    ("security",),
    ("telemetry", "settings"),
    ("core",),
)

# What each package may import inside dragoman. `engines.base` = of that package, this module alone.
TABLE: Final[Mapping[str, Sequence[str]]] = {
    "core": (),
    "settings": ("core",),
    "telemetry": ("core",),
    "engines": ("settings", "telemetry", "core"),
    "wire": ("settings.limits", "core"),
    "repository": ("engines.base", "security", "settings", "telemetry", "core"),
    "security": ("settings", "core"),
    "protocols": ("wire", "settings.limits", "core"),
    "execution": ("repository", "engines.base", "settings", "telemetry", "core"),
    "explain": ("execution", "repository", "settings", "telemetry", "core"),
    "gateway": ("execution", "repository", "security", "wire", "settings", "telemetry", "core"),
    "transports": ("security", "wire", "settings", "telemetry", "core"),
    "config": ("security.paths", "settings", "core"),
    "client": ("wire", "core"),
    "assembly": ("transports", "gateway", "config", "explain", "protocols", "execution", "wire", "repository",
                 "engines", "security", "telemetry", "settings", "core"),
    "convert": ("assembly", "execution", "repository", "engines", "settings", "core"),
}  # fmt: skip
ENTRY_POINTS: Final = frozenset({"cli"})  # may import everything below, so it needs no row

FILES: Final = ("io", "mmap", "os", "pathlib", "shutil", "tempfile")
SOCKETS: Final = ("http", "select", "selectors", "socket", "socketserver", "ssl", "urllib")
HTTP_LIBRARIES: Final = ("aiohttp", "fastapi", "httptools", "httpx", "requests", "starlette", "uvicorn")
THREADS: Final = ("_thread", "concurrent", "multiprocessing", "subprocess", "threading")
LOOPS: Final = ("anyio", "asyncio", "grpc", "trio", "uvloop")
PICKLES: Final = ("marshal", "pickle", "shelve")

NETWORK: Final = (*SOCKETS, *HTTP_LIBRARIES)
EVERY_EFFECT: Final = (*FILES, *NETWORK, *THREADS, *LOOPS, *PICKLES)

# Which packages from outside each may not touch.
OUTSIDE: Final[Mapping[str, Sequence[str]]] = {
    "core": EVERY_EFFECT,
    "settings": EVERY_EFFECT,
    "telemetry": (*FILES, *NETWORK),
    "wire": EVERY_EFFECT,
    "protocols": EVERY_EFFECT,
}
CORE_LIBRARIES: Final = frozenset({"ml_dtypes", "msgspec", "numpy"})  # the only ones the core may use

# Holds the package `ts`, which is none of dragoman's: tests/meta/test_handler_layer.py keeps it apart.
HANDLER_LAYER: Final = TREE / "src" / "dragoman" / "execution" / "workers" / "handlers" / "layer"

ENGINE_USERS: Final = ("repository", "execution", "assembly", "convert")

# Folders whose members do not know each other, and the members that are there for all of them.
SIBLINGS: Final[Mapping[str, Sequence[str]]] = {
    "protocols": (),
    "config.dialects": (),
    "engines": (
        "base",
        "child",
        "conversion",
        "cores",
        "embedding",
        "fast_tokenizer",
        "guardian",
        "hugging_face",
        "options",
        "python_code",
        "table_model",
        "tables",
        "text_files",
        "text_model",
        "trees",
        "upstream",
        "weight_files",
    ),
}


def packages(source: Path) -> frozenset[str]:
    """The packages directly below src/dragoman."""
    return frozenset(path.parent.name for path in source.glob("*/__init__.py"))


def unplaced(present: frozenset[str]) -> frozenset[str]:
    """Packages that the layers or the table do not know."""
    layered = {name for layer in LAYERS for name in layer}
    return present - (layered & (TABLE.keys() | ENTRY_POINTS))


def forbidden_packages(package: str, present: frozenset[str]) -> list[str]:
    """The packages inside dragoman that this one may not import as a whole."""
    return sorted(present - set(TABLE[package]) - {package})


def allowed_modules(package: str) -> list[str]:
    """Single modules that this package may import although it may not import the rest of their package."""
    return [name for name in TABLE[package] if "." in name]


def row(package: str, present: frozenset[str]) -> Iterator[str]:
    """The contract of one row of the table."""
    yield f"[importlinter:contract:{package}]"
    yield f"name = {package}: {', '.join(TABLE[package]) or 'nothing'}"
    yield "type = forbidden"
    yield "allow_indirect_imports = true"
    yield from setting("source_modules", [f"dragoman.{package}"])
    inside = [f"dragoman.{name}" for name in forbidden_packages(package, present)]
    yield from setting("forbidden_modules", inside + sorted(OUTSIDE.get(package, ())))
    if modules := allowed_modules(package):
        sources = (f"dragoman.{package}", f"dragoman.{package}.**")
        exempt = [f"{source} -> dragoman.{module}" for source in sources for module in modules]
        yield from setting("ignore_imports", exempt)
        yield "unmatched_ignore_imports_alerting = none"


def setting(name: str, values: Sequence[str]) -> Iterator[str]:
    """One list of an INI file."""
    yield f"{name} ="
    yield from (f"    {value}" for value in values)


def layering(present: frozenset[str]) -> Iterator[str]:
    """The contract that layers point one way; packages yet to come stand in brackets."""
    rows = [[name if name in present else f"({name})" for name in layer] for layer in LAYERS]
    yield "[importlinter:contract:layers]"
    yield "name = Layers point one way"
    yield "type = layers"
    yield from setting("containers", ["dragoman"])
    yield "exhaustive = true"
    yield from setting("exhaustive_ignores", ["__main__"])
    yield from setting("layers", [" | ".join(row) for row in rows])


def siblings(folder: str) -> Iterator[str]:
    """The contract that the members of a folder do not import each other."""
    yield f"[importlinter:contract:{folder}.siblings]"
    yield f"name = {folder}: siblings do not know each other"
    yield "type = independence"
    yield from setting("modules", [f"dragoman.{folder}.*"])
    if shared := SIBLINGS[folder]:
        yield from setting(
            "ignore_imports", [f"dragoman.{folder}.** -> dragoman.{folder}.{name}" for name in shared]
        )
        yield "unmatched_ignore_imports_alerting = none"


def acyclic() -> Iterator[str]:
    """The contract that no two neighbours, at any depth, import each other."""
    yield "[importlinter:contract:acyclic]"
    yield "name = No cycles"
    yield "type = acyclic_siblings"
    yield from setting("ancestors", ["dragoman"])


def protected_engines(present: frozenset[str]) -> Iterator[str]:
    """The contract that engines are reached through the repository and the execution only."""
    yield "[importlinter:contract:engines.protected]"
    yield "name = Engines are imported by the repository, the execution, the assembly and convert only"
    yield "type = protected"
    yield from setting("protected_modules", ["dragoman.engines"])
    yield from setting("allowed_importers", [f"dragoman.{name}" for name in ENGINE_USERS if name in present])


def render(present: frozenset[str]) -> str:
    """The text of .importlinter for these packages."""
    sections = [["[importlinter]", "root_package = dragoman", "include_external_packages = true"]]
    sections.append(list(layering(present)))
    sections += [list(row(package, present)) for package in TABLE if package in present]
    sections += [list(siblings(folder)) for folder in SIBLINGS if folder.split(".")[0] in present]
    sections += [list(acyclic()), list(protected_engines(present))]
    return "\n\n".join([HEADER, *("\n".join(section) for section in sections)]) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check; the exit code."""
    present = packages(TREE / "src" / "dragoman")
    if homeless := unplaced(present):
        print(f"place in LAYERS and TABLE of tests/meta/contracts.py: {', '.join(sorted(homeless))}")
        return 1
    if arguments == ["write"]:
        CONTRACTS.write_text(render(present), encoding="utf-8")
        return 0
    if arguments != ["check"]:
        print(__doc__)
        return 2
    if CONTRACTS.read_text(encoding="utf-8") != render(present):
        print(".importlinter is stale: run scripts/generate")
        return 1
    configure()
    return 0 if lint_imports(config_filename=str(CONTRACTS), no_logo=True) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

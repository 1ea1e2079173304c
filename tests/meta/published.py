"""What is published of the settings: docs/dragoman.schema.json, and the tables of docs/migrate.

python -m tests.meta.published write     write them
python -m tests.meta.published check     fail if one is stale
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from dragoman.config.command_line import Flag
from dragoman.config.dialect import Level
from dragoman.config.dialects.kserve.flags import ROWS as KSERVE_FLAGS
from dragoman.config.dialects.ovms.config_file import KEYS as OVMS_KEYS
from dragoman.config.dialects.ovms.flags import ROWS as OVMS_FLAGS
from dragoman.config.dialects.tensorflow_serving.flags import ROWS
from dragoman.config.dialects.tensorflow_serving.schemas import KEYS
from dragoman.config.dialects.torchserve.flags import ROWS as TORCHSERVE_FLAGS
from dragoman.config.dialects.torchserve.keys import ROWS as TORCHSERVE_KEYS
from dragoman.config.dialects.torchserve.keys import VERSION_KEYS as TORCHSERVE_VERSION_KEYS
from dragoman.config.schema import schema_text
from tests.meta.contracts import TREE

SCHEMA: Final = TREE / "docs" / "dragoman.schema.json"
TENSORFLOW_SERVING: Final = TREE / "docs" / "migrate" / "tensorflow-serving.md"
OVMS: Final = TREE / "docs" / "migrate" / "openvino-model-server.md"
KSERVE: Final = TREE / "docs" / "migrate" / "kserve.md"
TORCHSERVE: Final = TREE / "docs" / "migrate" / "torchserve.md"
BEGIN: Final = "<!-- Written by scripts/generate; do not edit from here -->"
END: Final = "<!-- to here -->"


def schema() -> str:
    """The whole file of the schema."""
    return schema_text() + "\n"


def tensorflow_serving() -> str:
    """The page with its tables as they are in the dialect."""
    named = {f"Keys of `--{file}`": keys for file, keys in KEYS.items()}
    return page(TENSORFLOW_SERVING, tables(ROWS, named))


def ovms() -> str:
    """The page with its tables as they are in the dialect."""
    named = {f"`config.json`: keys of {part}": keys for part, keys in OVMS_KEYS.items()}
    return page(OVMS, tables(OVMS_FLAGS, named))


def kserve() -> str:
    """The page with its table as it is in the dialect."""
    return page(KSERVE, tables(KSERVE_FLAGS, {}))


def torchserve() -> str:
    """The page with its tables as they are in the dialect."""
    named = {
        "Keys of `config.properties`": {key.name: (key.level, key.text) for key in TORCHSERVE_KEYS},
        "Keys of a version in `models` and `model_snapshot`": TORCHSERVE_VERSION_KEYS,
    }
    return page(TORCHSERVE, tables(TORCHSERVE_FLAGS, named))


def page(file: Path, lines: Iterator[str]) -> str:
    """The file with these lines where it has written ones."""
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return "".join([before, BEGIN, "\n", *(f"{line}\n" for line in lines), END, after])


def tables(flags: Sequence[Flag], keys_of: Mapping[str, Mapping[str, tuple[Level, str]]]) -> Iterator[str]:
    """A row for each flag, and for each key of each file or part of one, by its heading."""
    yield from ("## Flags", "", "| flag | default | here | |", "|---|---|---|---|")
    for flag in flags:
        yield f"| `--{flag.name}` | {shown(flag.default)} | {flag.level.value} | {flag.text} |"
    for heading, keys in keys_of.items():
        yield from ("", f"## {heading}", "", "| key | here | |", "|---|---|---|")
        for key, (level, text) in keys.items():
            yield f"| `{key}` | {level.value} | {text} |"
    yield ""


FILES: Final[Mapping[Path, Callable[[], str]]] = {
    SCHEMA: schema,
    TENSORFLOW_SERVING: tensorflow_serving,
    OVMS: ovms,
    KSERVE: kserve,
    TORCHSERVE: torchserve,
}


def shown(default: bool | int | float | str) -> str:
    """A default as it is typed; nothing where it is empty."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def stale() -> list[Path]:
    """The files that are not what they would be written as."""
    return [
        file
        for file, made in FILES.items()
        if not file.exists() or file.read_text(encoding="utf-8") != made()
    ]


def main(arguments: Sequence[str]) -> int:
    """Write or check; the exit code."""
    if arguments == ["write"]:
        for file, made in FILES.items():
            file.write_text(made(), encoding="utf-8")
        return 0
    if arguments != ["check"]:
        print(__doc__)
        return 2
    for file in stale():
        print(f"{file.relative_to(TREE)} is stale: run scripts/generate")
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

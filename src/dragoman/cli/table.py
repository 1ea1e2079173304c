"""The table of models: the same rows at the server's start and in `dragoman models`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

HEADINGS: Final = ("model", "version", "engine", "state")


class Row(NamedTuple):
    """One version of a model. `note` says why it does not serve, else is empty."""

    model: str
    version: str
    engine: str
    state: str
    note: str = ""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What stands under HEADINGS."""
        return self.model, self.version, self.engine, self.state


def one_line(text: str) -> str:
    """Text that cannot break a table or drive a terminal: line ends and control codes become blanks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shown_version(number: int, name: str | None) -> str:
    """A version's number, and its own name where that says more."""
    return str(number) if name in (None, str(number)) else f"{number} ({one_line(str(name))})"


def plain(rows: Sequence[Row]) -> Iterator[str]:
    """The table as lines of aligned columns, a failed version's cause indented below it."""
    lines = [tuple(heading.upper() for heading in HEADINGS), *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    yield aligned(lines[0], widths)
    for row in rows:
        yield aligned(row.cells, widths)
        if row.note:
            yield f"  {row.note}"


def aligned(cells: Iterable[str], widths: Iterable[int]) -> str:
    """The cells, each padded to its column's width."""
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

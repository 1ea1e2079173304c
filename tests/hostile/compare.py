"""Send the table's bytes to this server, nginx and haproxy, and print what each does with them.

python -m tests.hostile.compare          the table in Markdown
python -m tests.hostile.compare --write  write it to docs/http-hostile-requests.md

It waits as long as the scripts say, all rows at once. It fails where this server does not do what its table
says, and where it differs from both others without a reason being given below.
"""

import asyncio
import itertools
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from tests.hostile.client import Client, Outcome, play, statuses
from tests.hostile.peers import peers, versions
from tests.hostile.reasons import REASONS
from tests.hostile.table import LIMITS, TABLE, Act, Row
from tests.hostile.test_table import answer

PAGE: Final = Path(__file__).parents[2] / "docs" / "http-hostile-requests.md"
QUIET_S: Final = 1.0  # nothing has come for so long: the server has done with the row
AT_ONCE: Final = 25
OURS: Final = "dragoman"
INTRODUCTION: Final = """# Hostile requests

What this server does with malformed, oversized, slow and odd HTTP, beside nginx {nginx} and
haproxy {haproxy} (Debian packages, as proxies in front of a server that answers 200, with the limits and
deadlines of the table). Statuses are in the order of the answers; "open" means that the connection takes
another request. Rows that differ from both have a reason below. Written by
`python -m tests.hostile.compare --write`; the same table is played against the server in every test run, on
both event loops, whole, in pieces and byte by byte.
"""


async def outcome(row: Row, port: int) -> Outcome:
    """What the server on that port does with a row."""
    client = Client()
    await client.connect(port, receive_buffer=4096 if Act.READ_NOTHING in row.script else None)
    try:
        await play(row, client, asyncio.sleep)
        size = -1
        while size != len(client.received) and not client.ended.is_set():
            size = len(client.received)
            await asyncio.sleep(QUIET_S)
        found = statuses(bytes(client.received), head_first=row.name.startswith("HEAD"))
        return Outcome(() if Act.READ_NOTHING in row.script else found, not client.ended.is_set())
    finally:
        await client.close()


async def column(port: int) -> list[Outcome]:
    """What the server on that port does with every row."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> Outcome:
        async with gate:
            return await outcome(row, port)

    return await asyncio.gather(*(one(row) for row in TABLE))


async def columns() -> dict[str, list[Outcome]]:
    """The outcomes by server, in the order of the table."""
    server = HttpServer(Router([], "superset"), answer, LIMITS)
    ports = {OURS: await server.start("127.0.0.1", 0)}
    with tempfile.TemporaryDirectory() as folder:
        async with peers(Path(folder)) as others:
            ports |= others
            found = {name: await column(port) for name, port in ports.items()}
    server.close()
    return found


def show(outcome: Outcome) -> str:
    """An outcome in a few characters."""
    runs = [(status, len(list(group))) for status, group in itertools.groupby(outcome.statuses)]
    words = [f"{status} x {count}" if count > 1 else str(status) for status, count in runs]
    return " ".join([*(words or ["-"]), "open" if outcome.stays_open else "closed"])


def page(found: Mapping[str, list[Outcome]], numbers: Mapping[str, str]) -> str:
    """The table and the reasons, as Markdown."""
    lines = [
        INTRODUCTION.format(**numbers),
        "| request | dragoman | nginx | haproxy | rule |",
        "|---|---|---|---|---|",
    ]
    for row, *outcomes in zip(TABLE, *(found[name] for name in (OURS, "nginx", "haproxy")), strict=True):
        lines.append(f"| {' | '.join([row.name, *map(show, outcomes), row.why])} |")
    lines += ["", "## Where this server differs from both", ""]
    lines += [f"- **{name}**: {REASONS[name]}" for name in differing(found) if name in REASONS]
    return "\n".join(lines) + "\n"


def differing(found: Mapping[str, list[Outcome]]) -> list[str]:
    """The rows in which neither of the others does what this server does."""
    rows = zip(TABLE, found[OURS], found["nginx"], found["haproxy"], strict=True)
    return [row.name for row, ours, *others in rows if ours not in others]


def failures(found: Mapping[str, list[Outcome]]) -> list[str]:
    """What is wrong with the comparison."""
    wrong = [
        f"{row.name}: {show(ours)} here, against the table"
        for row, ours in zip(TABLE, found[OURS], strict=True)
        if ours != Outcome(row.statuses, row.stays_open)
    ]
    different = differing(found)
    wrong += [f"{name}: differs from both without a reason" for name in different if name not in REASONS]
    return wrong + [
        f"{name}: a reason is given, and one of them agrees" for name in REASONS if name not in different
    ]


def main() -> int:
    """Compare, print or write, and say what is wrong."""
    found = asyncio.run(columns())
    text = page(found, versions())
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text)
    else:
        print(text)
    wrong = failures(found)
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

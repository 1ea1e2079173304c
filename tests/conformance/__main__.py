"""The command behind scripts/conformance: every case file of a folder, on the listeners it is meant for."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.conformance.report import describe, summary
from tests.conformance.runner import FAILING, Outcome, Result, Servers, collisions, run_suite, waiting
from tests.conformance.suites import SUITES


def main(arguments: Sequence[str]) -> int:
    """Run the folder's files; 1 where a case that is certain fails."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: scripts/conformance [DIRECTORY OF CASE FILES]", file=sys.stderr)
        return 2
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as scratch, Servers(Path(scratch)) as servers:
        for file in case_files(Path(arguments[0])):
            results += run_file(servers, file)
    print(f"all files: {summary(results)}")
    return 1 if not results or any(result.outcome in FAILING for result in results) else 0


def case_files(folder: Path) -> Iterator[Path]:
    """The case files of a folder; those of protocols that are not served yet are named and left out."""
    for file in sorted(folder.glob("*.json")):
        if file.name in SUITES:
            yield file
        elif isinstance(json.loads(file.read_bytes()), list):
            print(f"{file.name}: not run, no listener speaks it yet")


def run_file(servers: Servers, file: Path) -> Iterator[Result]:
    """Run one file on each of its listeners and print what became of it."""
    suite = SUITES[file.name]
    for run in suite.runs:
        results = list(run_suite(servers.addresses(run.listener), suite, file, run))
        print(f"{file.name} on {run.listener.name}: {summary(results)}")
        for result in results:
            if result.outcome not in (Outcome.PASSED, Outcome.COLLISION, Outcome.WAITING):
                print(describe(result))
        listed = collisions(file.name, run).keys() | waiting(file.name, run).keys()
        unknown = listed - {result.case.id for result in results}
        if unknown:
            print(f"  listed as failing are cases that do not exist: {', '.join(sorted(unknown))}")
        yield from results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Measure the server; the command behind scripts/bench.

scripts/bench             five rounds; writes bench/RESULTS.md
scripts/bench --quick     one short round, printed only: whether everything runs, not how fast it is
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import models, results, rounds
from bench.load import LoadFailedError, check_tools
from tests.clients.environments import MLSERVER, make
from tests.server_process import ServerFailedError

RESULTS = Path(__file__).parent / "RESULTS.md"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, 1 where a measurement failed, 2 for arguments that are none."""
    if list(arguments) not in ([], ["--quick"]):
        print(__doc__, file=sys.stderr)
        return 2
    length = rounds.QUICK if arguments else rounds.FULL
    try:
        check_tools()
        make(MLSERVER)
        with tempfile.TemporaryDirectory() as scratch:
            repository = Path(scratch) / "models"
            models.write(repository)
            report = results.render(rounds.run(length, Path(scratch), repository), length)
    except (LoadFailedError, ServerFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report, end="")
    if length is rounds.FULL:
        RESULTS.write_text(report, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

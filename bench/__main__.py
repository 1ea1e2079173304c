"""Measure the server; the command behind scripts/bench.

scripts/bench                       five rounds; writes bench/RESULTS.md
scripts/bench --quick               one short round, printed only: whether everything runs, not how fast it is
scripts/bench [--quick] SECTION...  these alone, printed only: load, batching, pipelines, openvino, images,
                                    archives
"""

import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import models, results, rounds
from bench.load import JAVA, LoadFailedError, check_tools
from tests.clients.environments import MLSERVER, OPENVINO, TORCHSERVE, Environment, make
from tests.server_process import ServerFailedError

RESULTS = Path(__file__).parent / "RESULTS.md"
ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    "load": MLSERVER,
    "openvino": OPENVINO,
    "archives": TORCHSERVE,
}


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, 1 where a measurement failed, 2 for arguments that are none."""
    quick = list(arguments[:1]) == ["--quick"]
    chosen = arguments[1:] if quick else arguments
    if not set(chosen) <= rounds.SECTIONS.keys():
        print(__doc__, file=sys.stderr)
        return 2
    length = rounds.QUICK if quick else rounds.FULL
    try:
        report = measure(length, chosen or list(rounds.SECTIONS))
    except (LoadFailedError, ServerFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report, end="")
    if length is rounds.FULL and not chosen:
        RESULTS.write_text(report, encoding="utf-8")
    return 0


def measure(length: rounds.Length, sections: Collection[str]) -> str:
    """The report on these sections.

    Errors: LoadFailedError, ServerFailedError.
    """
    check_tools(JAVA if "archives" in sections else None)
    for section, environment in ENVIRONMENTS.items():
        if section in sections:
            make(environment)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        folders = rounds.Repositories(scratch / "models", scratch / "engines")
        models.write(folders.models)
        models.write_for_openvino(folders.engines)
        return results.render(rounds.run(length, scratch, folders, sections), length)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

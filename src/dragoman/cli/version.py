"""`dragoman version`."""

import json
import platform
import sys
from typing import Annotated

from cyclopts import Parameter

from dragoman import __version__


def version(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """Print the version of dragoman and of the Python it runs on.

    Parameters
    ----------
    as_json:
        Print JSON.
    """
    facts = {
        "dragoman": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": sys.platform,
        "machine": platform.machine(),
    }
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        print("dragoman {dragoman} ({implementation} {python}, {system} {machine})".format(**facts))

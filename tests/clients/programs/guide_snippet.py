"""A snippet of a guide, and what one of its variables holds in the end.

python guide_snippet.py FILE VARIABLE    runs in the file's folder
"""

import os
import sys

import numpy as np
from answers import tell


def result(file, variable):
    with open(file, encoding="utf-8") as snippet:
        code = snippet.read()
    os.chdir(os.path.dirname(file))
    names = {"np": np, "__name__": "__main__"} | conversions(code)
    exec(compile(code, file, "exec"), names)
    value = names[variable]
    return list(value.string_val) if hasattr(value, "string_val") else value


def conversions(code):
    """What snippets for TensorFlow use without importing it."""
    if "tensorflow" not in code:
        return {}
    from tensorflow import make_ndarray

    return {"make_ndarray": make_ndarray}


if __name__ == "__main__":
    tell(result, arguments=sys.argv[1:])

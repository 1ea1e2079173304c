"""Files of weights in safetensors: which ones an index names, and whether one is whole."""

import json
import os
from typing import Final

from dragoman.core.errors import Code, DragomanError

INDEX: Final = ".index.json"
LENGTH_BYTES: Final = 8  # a file begins with the length of what tells its tensors


def files_of(path: str) -> list[str]:
    """The files of weights that a path stands for.

    Errors: INTERNAL for an index that is none.
    """
    if not path.endswith(INDEX):
        return [path]
    file, folder = os.path.split(path)[1], os.path.dirname(path)
    try:
        with open(path, encoding="utf-8") as opened:
            names = set(json.load(opened)["weight_map"].values())
        unsafe = [name for name in names if os.path.basename(name) != name]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DragomanError(
            Code.INTERNAL, f"{file} does not load: it is no index of safetensors files: it has no weight_map"
        ) from None
    if unsafe:
        raise DragomanError(Code.INTERNAL, f"{file} does not load: it names {unsafe[0]!r}, no file beside it")
    return [os.path.join(folder, name) for name in sorted(names)]


def is_whole(path: str) -> bool:
    """Whether a safetensors file is as long as its tensors say."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if length > size - LENGTH_BYTES:
            return False
        try:
            told = json.loads(file.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in told.items() if name != "__metadata__"]
            return LENGTH_BYTES + length + max(ends, default=0) == size
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return False

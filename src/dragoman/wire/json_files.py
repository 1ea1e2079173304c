"""Rows that are files, read where they lie in the body: `{"instances": [{"b64": "..."}, ...]}`.

A JSON parser looks at each byte of such a text, copies it into one of its own, and base64 is read from that.
Here only the quotes are searched for, and what lies between them is base64 or left to `json_tree`, as is a
body of any other form.
"""

import re
from typing import Final, cast

import numpy as np

from dragoman.core.tensors import Array, DType
from dragoman.wire.base64 import decode_plain
from dragoman.wire.json_exact import JsonObject
from dragoman.wire.json_tree import load

MIN_BYTES: Final = 16 * 1024  # below, too little is gained
LEVELS: Final = 3  # of the document
HEAD: Final = re.compile(rb'[ \t\n\r]*\{[ \t\n\r]*"instances"[ \t\n\r]*:[ \t\n\r]*\[')
ROW: Final = re.compile(rb'[ \t\n\r]*\{[ \t\n\r]*"b64"[ \t\n\r]*:[ \t\n\r]*"')
NEXT: Final = re.compile(rb'"[ \t\n\r]*\}[ \t\n\r]*([,\]])')
TAIL: Final = re.compile(rb"[ \t\n\r]*\}[ \t\n\r]*")


class FileBlock:
    """Files, one to a row, and the body that they came in."""

    __slots__ = ("_body", "files")
    key: Final = "instances"

    def __init__(self, files: list[bytes], body: bytes) -> None:
        self.files = files
        self._body = body

    def array(self, dtype: DType) -> Array | None:
        """The files as an array, or None where the type is not that of byte strings."""
        if dtype is not DType.BYTES:
            return None
        array = np.empty(len(self.files), np.object_)
        array[:] = self.files
        return array

    def document(self) -> JsonObject:
        """The document as it was written."""
        return cast(JsonObject, load(self._body, LEVELS))


def read_files(body: bytes, max_depth: int) -> FileBlock | None:
    """The files that a whole body consists of, or None where it is anything else, right or wrong."""
    if len(body) < MIN_BYTES or max_depth < LEVELS or (found := HEAD.match(body)) is None:
        return None
    view = memoryview(body)
    files: list[bytes] = []
    ended = False
    while not ended:
        row = ROW.match(body, found.end())
        end = -1 if row is None else body.find(b'"', row.end())
        if row is None or end < 0 or (file := decode_plain(view[row.end() : end])) is None:
            return None
        files.append(file)
        found = NEXT.match(body, end)
        if found is None:
            return None
        ended = found.group(1) == b"]"
    return FileBlock(files, body) if TAIL.fullmatch(body, found.end()) is not None else None

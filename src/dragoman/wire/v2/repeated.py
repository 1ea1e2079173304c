"""The JSON around the values of an input. Clients repeat it, as they do the JSON before binary tensors.

Where a request has one input, and its data is a flat list, only that list is read each time. That it is the
data is seen by putting marks in its place: inside of a text, their quotes would be none of JSON.
"""

from math import prod
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import DragomanError
from dragoman.core.requests import Target
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.json_exact import JsonObject
from dragoman.wire.json_tree import load, load_strictly
from dragoman.wire.raw_tensors import Data
from dragoman.wire.v2.json_data import read_data
from dragoman.wire.v2.known import ID, KNOWN, KNOWN_BYTES, Noting
from dragoman.wire.v2.request import InferDraft, WantedOutput, read_document

DATA: Final = b'"data"'
PARAMETERS: Final = b'"parameters"'  # of which any may differ from request to request
MARKS: Final = (b"1", b"2")
WITHOUT_DATA: Final[JsonObject] = {"data": None, "parameters": {"binary_data_size": 0}}


class Around(Struct, frozen=True):
    """What the text around the values says. All drafts share it: nobody writes to it."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    count: int
    outputs: list[WantedOutput]


KEPT: Final[dict[tuple[bytes, int, int], Around]] = {}


def read_repeated(target: Target, text: Data, accepted: bytes | None, max_depth: int) -> InferDraft | None:
    """The request; None where it is of another form, or what is around its values long or never the same.

    Errors: INVALID_ARGUMENT naming the input for values that do not fit it.
    """
    if type(text) is not bytes:
        return None
    start = text.find(b"[", text.find(DATA))
    end = text.find(b"]", start) + 1
    if start < 0 or start + len(text) - end > KNOWN_BYTES or text.find(b"[", start + 1, end) >= 0:
        return None
    key = text[:start] + text[end:], start, max_depth
    said = KEPT.get(key) or keep(*key)
    if said is None:
        return None
    try:
        values = load_strictly(text[start:end])
    except DragomanError:  # told by who reads the whole, and knows the place in it
        return None
    array = read_data(said.name, values, said.dtype, said.shape, said.count)
    return InferDraft(target, {said.name: Tensor(said.dtype, array)}, said.outputs, None, False, accepted)


def keep(around: bytes, at: int, max_depth: int) -> Around | None:
    """What a text says that was not met before, if others may say the same."""
    if ID in around or PARAMETERS in around or around.count(DATA) != 1:
        return None
    try:
        said = read_around(around, at, max_depth)
    except DragomanError:  # and this, too
        return None
    if said is not None:
        if len(KEPT) >= KNOWN:
            KEPT.clear()
        KEPT[around, at, max_depth] = said
    return said


def read_around(around: bytes, at: int, max_depth: int) -> Around | None:
    """What a text says with an input's values at this place; None where they are none, or it says more.

    Errors: as `read_document`.
    """
    document: Any = None
    for mark in MARKS:
        document = load(b'%b["%b"]%b' % (around[:at], mark, around[at:]), max_depth, whole=True)
        if data_of(document) != [mark.decode()]:
            return None
    (entry,) = document["inputs"]
    part = Noting()
    draft = read_document(Target(""), document | {"inputs": [entry | WITHOUT_DATA]}, part=part)
    if draft.id is not None or draft.parameters is not None or entry.get("parameters") is not None:
        return None
    ((name, noted),) = part.noted.items()
    return Around(name, noted.dtype, noted.shape, prod(noted.shape), draft.outputs)


def data_of(document: Any) -> Any:
    """The data of the only input; None where it is no document of that form."""
    entries = document.get("inputs") if type(document) is dict else None
    if type(entries) is list and len(entries) == 1 and type(entries[0]) is dict:
        return entries[0].get("data")
    return None

"""How many bytes of a request and of its answer have to be worked through, which decides where that is done.

Numbers in binary form are not touched: a thread would only cost time.
"""

import re
from functools import lru_cache
from math import prod
from typing import Final

from dragoman.core.errors import DragomanError
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.kserve_v2.grpc_contents import BOOLS, DOUBLES, FLOATS, TEXTS
from dragoman.protocols.kserve_v2.grpc_request import CACHED_BYTES, CONTENTS, INPUT, RAW, cached_input
from dragoman.wire.effort import Parts, TooManyPartsError, copied, json_to_read, size_of
from dragoman.wire.messages import WireRequest
from dragoman.wire.proto_fields import Data, as_data
from dragoman.wire.v2.binary import read_length
from dragoman.wire.v2.compression import wanted_coding
from dragoman.wire.v2.headers import read_headers
from dragoman.wire.v2.known import KNOWN, KNOWN_BYTES
from dragoman.wire.v2.request import InferDraft

BYTES: Final = DType.BYTES
BYTES_NAME: Final = b"BYTES"
ESCAPE: Final = b"\\"
SHAPE: Final = re.compile(rb'"shape"\s*:\s*\[([^\]]*)')
SIZE: Final = re.compile(rb"\d{1,18}")
WHERE_THEY_LIE: Final = frozenset(field.key for field in (BOOLS, FLOATS, DOUBLES, TEXTS))
SEARCHED_BYTES: Final = 64 * 1024  # JSON that is longer is work enough by itself


def bytes_to_read(wire: WireRequest) -> int:
    """How much of a body has to be worked through: its JSON, where numbers in binary form follow it.

    Elements of BYTES are read one by one, as many as the shapes before them say. Where an escape may hide the
    names of either, all of them count.
    """
    encoding, length, _ = read_headers(wire.headers)
    whole = len(wire.body)
    if encoding is not None:
        return whole
    if length is None:
        return json_to_read(wire)
    try:
        size = read_length(length, wire.body)
    except DragomanError:
        return 0  # it is refused at once
    if size > SEARCHED_BYTES:
        return whole
    text = bytes(memoryview(wire.body)[:size])
    elements = known_elements(text) if size <= KNOWN_BYTES else elements_in(text)
    if elements is None:
        return whole
    return size + copied(whole - size, elements) if elements >= 0 else size


def elements_in(text: bytes) -> int | None:
    """No fewer elements than the tensors have that this JSON describes; -1 where none of them is of BYTES.

    None = an escape may hide the names.
    """
    if ESCAPE in text:
        return None
    if BYTES_NAME not in text.upper():
        return -1
    elements = 0
    for found in SHAPE.finditer(text):
        elements += prod(map(int, SIZE.findall(found[1])))
    return elements


known_elements = lru_cache(KNOWN)(elements_in)  # short texts, which clients repeat


def message_to_read(wire: WireRequest) -> int:
    """How much of a ModelInferRequest has to be worked through: not its raw numbers.

    Elements of BYTES are read one by one, raw ones as many as the shapes say.
    """
    whole, parts, work = len(wire.body), Parts(), 0
    inputs: list[Data] = []
    is_raw = False
    try:
        for key, value in parts.of(as_data(wire.body)):
            if key == INPUT:
                inputs.append(value)
            elif key == RAW:
                is_raw = True
            else:
                work += size_of(value)
        elements = 0
        for data in inputs:
            if is_raw and len(data) <= CACHED_BYTES:
                given = cached_input(data)
                elements += prod(given.shape) if given.dtype is BYTES else 0
            else:
                work += contents_to_read(data, parts)
    except DragomanError:
        return 0  # it is refused at once
    except TooManyPartsError:
        return whole
    return work + copied(whole, parts.count + elements)


def contents_to_read(data: Data, parts: Parts) -> int:
    """What is read one by one of an input with its elements in it."""
    work = 0
    for key, value in parts.of(data):
        if key != CONTENTS:
            work += size_of(value)
            continue
        for field_key, elements in parts.of(value):
            work += 0 if field_key in WHERE_THEY_LIE else size_of(elements)
    return work


def bytes_to_write(draft: InferDraft, response: TensorResponse) -> int:
    """How much of an answer has to be worked through: what is not binary, and all of it to compress it."""
    size = 0
    if not draft.outputs and not draft.binary:
        for tensor in response.outputs.values():
            size += held_bytes(tensor) if tensor.dtype is BYTES else tensor.array.nbytes
        return size
    all_of_it = draft.accepted is not None and wanted_coding(draft.accepted) is not None
    forms = {output.name: output for output in draft.outputs}
    for name, tensor in response.outputs.items():
        form = forms.get(name)
        plain = form is None or (form.binary and not form.classes)
        if all_of_it or not plain or tensor.dtype is BYTES:
            size += held_bytes(tensor)
    return size


def held_bytes(tensor: Tensor) -> int:
    """The bytes of a tensor's elements."""
    return sum(map(len, tensor.array.flat)) if tensor.dtype is BYTES else tensor.array.nbytes

"""How many bytes of a request and of its answer have to be worked through, which decides where that is done.

Numbers in binary form are not touched: a thread would only cost time.
"""

from typing import Final

from dragoman.core.errors import DragomanError
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.kserve_v2.compression import wanted_coding
from dragoman.protocols.kserve_v2.headers import read_headers
from dragoman.wire.messages import WireRequest
from dragoman.wire.v2.binary import read_length
from dragoman.wire.v2.request import InferDraft

BYTES: Final = DType.BYTES
BYTES_NAME: Final = b"BYTES"
ESCAPE: Final = b"\\"
SEARCHED_BYTES: Final = 64 * 1024  # JSON that is longer is work enough by itself


def bytes_to_read(wire: WireRequest) -> int:
    """How much of a body has to be worked through: its JSON, where numbers in binary form follow it.

    Elements of BYTES are read one by one. Where an escape may hide their name they count as being there.
    """
    encoding, length, _ = read_headers(wire.headers)
    whole = len(wire.body)
    if encoding is not None or length is None:
        return whole
    try:
        size = read_length(length, wire.body)
    except DragomanError:
        return 0  # it is refused at once
    if size > SEARCHED_BYTES:
        return whole
    text = bytes(memoryview(wire.body)[:size])
    return whole if ESCAPE in text or BYTES_NAME in text.upper() else size


def bytes_to_write(draft: InferDraft, response: TensorResponse) -> int:
    """How much of an answer has to be worked through: what is not binary, and all of it to compress it."""
    size = 0
    if not draft.outputs and not draft.binary:
        for tensor in response.outputs.values():
            size += held_bytes(tensor)
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

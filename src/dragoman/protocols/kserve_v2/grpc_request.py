"""ModelInferRequest: what the caller said, and the tensors in it.

The message is read field by field, and large ones are not copied: raw contents stay where they lie. Tensors
wait until the model is known, as in Triton: a bad request for an unknown model is told of the model.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest, Target
from dragoman.core.signatures import Signature
from dragoman.core.tensors import NUMPY, Array, DType, Tensor
from dragoman.protocols.kserve_v2.grpc_contents import read_contents
from dragoman.protocols.kserve_v2.grpc_parameters import (
    EMPTY_FINAL,
    NONE,
    Parameters,
    check_request,
    read_classes,
    read_parameters,
)
from dragoman.protocols.kserve_v2.target import read_version
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft
from dragoman.wire.proto_fields import Data, as_data, broken, fields, read_varint, signed, text
from dragoman.wire.raw_tensors import MAX_RANK, check_shape, read_raw
from dragoman.wire.v2.binary import decoded
from dragoman.wire.v2.binding import (
    MAX_NAMES,
    bind_tensors,
    duplicate_input,
    too_many_names,
    with_parameters,
)
from dragoman.wire.v2.classification import check_classified
from dragoman.wire.v2.request import (
    MAX_CLASSES,
    SHARED_MEMORY,
    no_shared_memory,
    read_datatype,
)

# Keys in ModelInferRequest.
MODEL: Final = 0x0A
VERSION: Final = 0x12
ID: Final = 0x1A
PARAMETER: Final = 0x22
INPUT: Final = 0x2A
OUTPUT: Final = 0x32
RAW: Final = 0x3A
# Keys in an input; the first is that of an output's name, too.
NAME: Final = 0x0A
DATATYPE: Final = 0x12
SIZE: Final = 0x18
SIZES: Final = 0x1A
INPUT_PARAMETER: Final = 0x22
CONTENTS: Final = 0x2A
OUTPUT_PARAMETER: Final = 0x12

CACHED_BYTES: Final = 256
UNKNOWN_VERSION: Final = -1  # no model has it
GRPC_ERRORS: Final = b"triton_grpc_error"  # the metadata of a stream that is to end with its first error


Wanted = tuple[str, int]  # an output's name, and how many of its highest values; 0 = all as they are


class InferDraft(Draft):
    """A ModelInferRequest whose tensors are not read yet.

    `asked` is the version in the caller's words. `ends_stream`: an error is to be the status of the whole
    stream. The rest is there once bound: the outputs that are wanted, empty = all, and whether a streamed
    answer is to end with an empty one.
    """

    asked: str
    id: str
    parameters: list[Data]
    inputs: list[Data]
    outputs: list[Data]
    raw: list[Data]
    ends_stream: bool = False
    wanted: Sequence[Wanted] = ()
    wants_final: bool = False
    signature: Signature | None = None

    @property
    def explicit(self) -> bool:
        """Whether the tensors are sent as numbers, and not as raw bytes."""
        return not self.raw and bool(self.inputs)


class Input(Struct, frozen=True):
    """An input as its message describes it. `contents` None = it holds no numbers."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    parameters: Parameters
    contents: Data | None


def parse_infer(wire: WireRequest, _: Limits) -> InferDraft:
    """The message's parts.

    Errors: INVALID_ARGUMENT for what is no such message.
    """
    model: Data = b""
    version: Data = b""
    request_id: Data = b""
    repeated: dict[int, list[Data]] = {PARAMETER: [], INPUT: [], OUTPUT: [], RAW: []}
    for key, value in fields(as_data(wire.body)):
        if key in repeated:
            entries = repeated[key]
            entries.append(value)
            if len(entries) > MAX_NAMES:
                raise too_many_names()
        elif key == MODEL:
            model = value
        elif key == VERSION:
            version = value
        elif key == ID:
            request_id = value
    asked = text(version)
    return InferDraft(
        read_target(text(model), asked) if asked else Target(text(model)),
        asked,
        text(request_id),
        repeated[PARAMETER],
        repeated[INPUT],
        repeated[OUTPUT],
        repeated[RAW],
        wire.header(GRPC_ERRORS) == b"true",
    )


def read_target(model: str, asked: str) -> Target:
    """The model and the version that are meant. What is no version is one that no model has."""
    try:
        return Target(model, read_version(model, asked))
    except DragomanError:
        return Target(model, UNKNOWN_VERSION)


def bind_infer(draft: InferDraft, signature: Signature) -> CoreRequest:
    """The request for the signature's inputs.

    Errors: INVALID_ARGUMENT as `bind_tensors`, and naming the input, output or parameter that is not as it
    should be; UNIMPLEMENTED for shared memory.
    """
    draft.signature = signature
    content_type, parameters = None, None
    if draft.parameters:
        parameters = read_parameters(draft.parameters)
        check_request(parameters)
        draft.wants_final = parameters.get(EMPTY_FINAL) is True
        content_type = parameters.get("content_type")
    tensors = read_inputs(draft, content_type)
    if not draft.outputs:
        return with_parameters(bind_tensors(draft.target.model, tensors, (), signature), parameters)
    draft.wanted = [read_output(data) for data in draft.outputs]
    bound = bind_tensors(draft.target.model, tensors, [name for name, _ in draft.wanted], signature)
    for name, classes in draft.wanted:
        if classes:
            check_classified(name, signature)
    return with_parameters(bound, parameters)


def read_inputs(draft: InferDraft, content_type: object) -> dict[str, Tensor]:
    """Every input by name.

    Errors: as `bind_infer`.
    """
    read = cached_input if draft.raw else read_input
    tensors: dict[str, Tensor] = {}
    for index, data in enumerate(draft.inputs):
        given = read(data)
        name, dtype = given.name, given.dtype
        if name in tensors:
            raise duplicate_input(name)
        array = read_array(draft, index, given)
        if given.parameters or content_type is not None:
            kind = given.parameters.get("content_type", content_type)
            tensors[name] = decoded(name, dtype, array, kind if isinstance(kind, str) else None)
        else:
            tensors[name] = Tensor(dtype, array)
    if len(draft.raw) > len(tensors):
        model, many = draft.target.model, len(draft.raw)
        raise invalid(f"there are {many} raw_input_contents for {len(tensors)} inputs of model '{model}'")
    return tensors


def read_array(draft: InferDraft, index: int, given: Input) -> Array:
    """The elements of one input: raw bytes, or numbers in the message itself.

    Errors: INVALID_ARGUMENT for both, neither, and what does not fit.
    """
    model, raw = draft.target.model, draft.raw
    if raw and given.contents:  # MLServer's client writes contents of nothing beside raw ones
        raise invalid(
            f"contents field must not be specified when using raw_input_contents for '{given.name}' "
            f"for model '{model}'"
        )
    if not raw and given.contents is not None:
        return read_contents(model, given.name, given.contents, given.dtype, given.shape)
    if index < len(raw):
        return read_raw(given.name, raw[index], given.dtype, given.shape, model)
    if raw or 0 not in given.shape:
        raise invalid(f"unable to find data for input tensor '{given.name}' for model '{model}' in request.")
    return np.empty(given.shape, NUMPY[given.dtype])  # a message of no numbers may be left out as a whole


def cached_input(data: Data) -> Input:
    """An input without numbers. Clients repeat the same ones, so each is parsed once."""
    return _cached_input(bytes(data)) if len(data) <= CACHED_BYTES else read_input(data)


def read_input(data: Data) -> Input:
    """A serialized InferInputTensor.

    Errors: INVALID_ARGUMENT naming the input, for a datatype that is none and a shape that cannot be;
    UNIMPLEMENTED for shared memory.
    """
    name, datatype = "", ""
    shape: list[int] = []
    parameters: list[Data] = []
    contents: Data | None = None
    for key, value in fields(data):
        if key == NAME:
            name = text(value)
        elif key == DATATYPE:
            datatype = text(value)
        elif key in (SIZE, SIZES):
            add_sizes(shape, value)
        elif key == INPUT_PARAMETER:
            parameters.append(value)
        elif key == CONTENTS:
            contents = value if contents is None else bytes(contents) + bytes(value)
    found = read_parameters(parameters) if parameters else NONE
    if SHARED_MEMORY in found:
        raise no_shared_memory(f"input '{name}'")
    dtype, sizes = read_datatype(name, datatype), tuple(shape)
    check_shape(name, sizes, dtype)
    return Input(name, dtype, sizes, found, contents)


_cached_input = lru_cache(4096)(read_input)


def add_sizes(shape: list[int], value: int | Data) -> None:
    """Take the sizes that a field of the shape holds, one or many."""
    if isinstance(value, int):
        shape.append(signed(value))
        return
    at = 0
    while at < len(value):
        if len(shape) > MAX_RANK:  # which `check_shape` words
            return
        try:
            size, at = read_varint(value, at)
        except IndexError:
            raise broken("a number is cut off") from None
        shape.append(signed(size))


def read_output(data: Data) -> Wanted:
    """An output that is asked for; short messages, which clients repeat, are parsed once."""
    return _cached_output(bytes(data)) if len(data) <= CACHED_BYTES else parse_output(data)


def parse_output(data: Data) -> Wanted:
    """A serialized InferRequestedOutputTensor.

    Errors: INVALID_ARGUMENT for a parameter that is not as it should be; UNIMPLEMENTED for shared memory.
    """
    name = ""
    parameters: list[Data] = []
    for key, value in fields(data):
        if key == NAME:
            name = text(value)
        elif key == OUTPUT_PARAMETER:
            parameters.append(value)
    found = read_parameters(parameters) if parameters else NONE
    if SHARED_MEMORY in found:
        raise no_shared_memory(f"output '{name}'")
    return name, read_classes(found, MAX_CLASSES)


_cached_output = lru_cache(4096)(parse_output)

"""The JSON of an inference request: its inputs, the outputs it asks for, its parameters.

A key whose value is null counts as absent, as clients write it so; keys that are not known are not looked at.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import Target
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.datatypes import DTYPES
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import excerpt, load
from dragoman.wire.operation import Draft
from dragoman.wire.raw_tensors import Data, check_shape
from dragoman.wire.v2.binary import BinaryPart, decoded
from dragoman.wire.v2.binding import MAX_NAMES, duplicate_input, too_many_names
from dragoman.wire.v2.json_data import read_data

Description = tuple[DType, tuple[int, ...], int]  # the last is the number of elements
Parameters = Mapping[str, Any]  # of texts, numbers and booleans

SCALARS: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
RESERVED: Final = "triton_"
HEADERS: Final = "headers"  # MLServer hands a request's headers to the model as an object
SHARED_MEMORY: Final = "shared_memory_region"
MAX_CLASSES: Final = 2**31 - 1
Kinds = tuple[frozenset[type], str]
WHOLE: Final[Kinds] = (frozenset({int}), "a whole number")
TRUTH: Final[Kinds] = (frozenset({bool}), "true or false")
KINDS: Final[Mapping[str, Kinds]] = {  # of parameters that mean the same to every model
    "sequence_id": (frozenset({int, str}), "a whole number or a text"),
    "sequence_start": TRUTH,
    "sequence_end": TRUTH,
    "priority": WHOLE,
    "timeout": WHOLE,
}


class WantedOutput(Struct):
    """An output that is asked for; `classes` = how many of the highest values, 0 = all as they are."""

    name: str
    binary: bool
    classes: int = 0


class InferDraft(Draft):
    """An inference request. `outputs` empty = all, in binary form if `binary`.

    `raw` = the whole body is the only input's data, and there is no JSON. `accepted` is the Accept-Encoding
    header. `signature` is there once bound.
    """

    inputs: dict[str, Tensor]
    outputs: list[WantedOutput]
    id: str | None
    binary: bool
    accepted: bytes | None
    raw: Data | None = None
    signature: Signature | None = None
    parameters: Parameters | None = None


def read_request(
    target: Target, text: Data, data: Data, accepted: bytes | None, max_depth: int
) -> InferDraft:
    """The request whose JSON is `text`, with the bytes that follow it.

    Errors: INVALID_ARGUMENT naming the key or the tensor that is not as it should be; UNIMPLEMENTED for
    shared memory.
    """
    document = load(text, max_depth, whole=True)
    if type(document) is not dict:
        raise invalid(f"the body must be a JSON object, not {excerpt(document)}")
    return read_document(target, document, data, accepted)


def read_document(
    target: Target,
    document: JsonObject,
    data: Data = b"",
    accepted: bytes | None = None,
    part: BinaryPart | None = None,
) -> InferDraft:
    """The request that an object is, with the bytes that follow it, which `part` may give out.

    Errors: as `read_request`.
    """
    request_id = document.get("id")
    if request_id is not None and type(request_id) is not str:
        raise invalid(f"'id' must be a string, not {excerpt(request_id)}")
    binary, content_type, parameters = False, None, None
    if (given := document.get("parameters")) is not None:
        parameters = read_parameters(given, "the request")
        binary = read_flag(parameters, "binary_data_output", False, "the request")
        content_type = parameters.get("content_type")
        check_reserved(parameters)
    part = part or BinaryPart(target.model, data)
    inputs = read_inputs(document.get("inputs"), part, content_type)
    if data:
        part.finish()
    outputs = document.get("outputs")
    wanted = [] if outputs is None else read_outputs(outputs, binary)
    return InferDraft(target, inputs, wanted, request_id, binary, accepted, parameters=parameters)


def read_inputs(entries: JsonValue, part: BinaryPart, content_type: str | None) -> dict[str, Tensor]:
    """Every input by name.

    Errors: as `read_request`.
    """
    if type(entries) is not list:
        missing = "is missing" if entries is None else f"must be a list, not {excerpt(entries)}"
        raise invalid(f"'inputs' {missing}")
    if len(entries) > MAX_NAMES:
        raise too_many_names()
    tensors: dict[str, Tensor] = {}
    for entry in entries:
        if type(entry) is not dict:
            raise invalid(f"each of 'inputs' must be an object, not {excerpt(entry)}")
        name = entry.get("name")
        if type(name) is not str:
            raise no_name(name, "input")
        if name in tensors:
            raise duplicate_input(name)
        tensors[name] = read_input(name, entry, part, content_type)
    return tensors


def read_input(name: str, entry: JsonObject, part: BinaryPart, content_type: str | None) -> Tensor:
    """One input's tensor.

    Errors: as `read_request`.
    """
    word: Any = entry.get("datatype")
    shape: Any = entry.get("shape")
    try:
        if type(shape) is not list:
            raise TypeError
        dtype, sizes, count = described(word, *shape)
    except (TypeError, DragomanError):  # said again, with the input's name
        dtype, sizes = read_datatype(name, word), read_shape(name, shape)
        count = check_shape(name, sizes, dtype)
    data = entry.get("data")
    if (given := entry.get("parameters")) is not None:
        parameters = read_parameters(given, f"input '{name}'")
        content_type = parameters.get("content_type", content_type)
        size = read_source(name, data, parameters)
        if size is not None:
            return part.tensor(name, dtype, sizes, size, content_type)
    if data is None:
        raise invalid(f"input '{name}' has neither 'data' nor the parameter 'binary_data_size'")
    array = read_data(name, data, dtype, sizes, count)
    return Tensor(dtype, array) if content_type is None else decoded(name, dtype, array, content_type)


@lru_cache(4096, typed=True)  # typed: 1 is a size, and neither 1.0 nor True is, which are equal to it
def described(word: JsonValue, *shape: JsonValue) -> Description:
    """What an input says of its tensor; requests repeat it.

    Errors: INVALID_ARGUMENT, and TypeError from the cache; nothing is kept then.
    """
    dtype, sizes = read_datatype("", word), read_shape("", list(shape))
    return dtype, sizes, check_shape("", sizes, dtype)


def read_shape(name: str, value: JsonValue) -> tuple[int, ...]:
    """The sizes of input `name`, whatever they are.

    Errors: INVALID_ARGUMENT naming the input for no list of whole numbers.
    """
    if type(value) is not list:
        found = "is missing" if value is None else f"must be a list of whole numbers, not {excerpt(value)}"
        raise invalid(f"input '{name}': 'shape' {found}")
    for size in value:
        if type(size) is not int:
            raise invalid(f"input '{name}': 'shape' must be a list of whole numbers, not {excerpt(value)}")
    return tuple(value)  # type: ignore[arg-type]  # looked at just now


def read_source(name: str, data: JsonValue, parameters: Parameters) -> int | None:
    """How many bytes after the JSON are the input's; None = it has its data in the JSON.

    Errors: INVALID_ARGUMENT for several sources; UNIMPLEMENTED for shared memory.
    """
    size, region = parameters.get("binary_data_size"), parameters.get(SHARED_MEMORY)
    if data is None and region is None and type(size) is int and size >= 0:
        return size
    given = {"data": data, "binary_data_size": size, SHARED_MEMORY: region}
    sources = [f"'{source}'" for source, value in given.items() if value is not None]
    if len(sources) > 1:
        raise invalid(f"input '{name}' has {' and '.join(sources)}, of which only one may be there")
    if region is not None:
        raise no_shared_memory(f"input '{name}'")
    if size is not None and (type(size) is not int or size < 0):
        raise invalid(f"input '{name}': 'binary_data_size' must be a number of bytes, not {excerpt(size)}")
    return size


def read_outputs(entries: JsonValue, binary: bool) -> list[WantedOutput]:
    """The outputs that are asked for, in order. `binary` = their form, where they do not say.

    Errors: as `read_request`.
    """
    if type(entries) is not list:
        raise invalid(f"'outputs' must be a list, not {excerpt(entries)}")
    if len(entries) > MAX_NAMES:
        raise too_many_names()
    return [read_output(entry, binary) for entry in entries]


def read_output(entry: JsonValue, binary: bool) -> WantedOutput:
    """One output that is asked for.

    Errors: as `read_request`.
    """
    if type(entry) is not dict:
        raise invalid(f"each of 'outputs' must be an object, not {excerpt(entry)}")
    name = entry.get("name")
    if type(name) is not str:
        raise no_name(name, "output")
    if (given := entry.get("parameters")) is None:
        return WantedOutput(name, binary)
    owner = f"output '{name}'"
    parameters = read_parameters(given, owner)
    if parameters.get(SHARED_MEMORY) is not None:
        raise no_shared_memory(owner)
    classes = parameters.get("classification")
    if classes is not None and (type(classes) is not int or not 0 < classes <= MAX_CLASSES):
        raise invalid(f"{owner}: 'classification' must be a number of classes, not {excerpt(classes)}")
    return WantedOutput(name, read_flag(parameters, "binary_data", binary, owner), classes or 0)


def no_name(found: JsonValue, role: str) -> DragomanError:
    """The error for an input or an output that has this for its name."""
    if found is None:
        return invalid(f"an {role} has no 'name'")
    return invalid(f"an {role} has a 'name' that is no string: {excerpt(found)}")


def read_datatype(name: str, word: JsonValue) -> DType:
    """The element type that a word stands for; lower case is taken as well.

    Errors: INVALID_ARGUMENT naming the input.
    """
    if type(word) is not str:
        found = "is missing" if word is None else f"must be a string, not {excerpt(word)}"
        raise invalid(f"input '{name}': 'datatype' {found}")
    dtype = DTYPES.get(word) or DTYPES.get(word.upper())
    if dtype is None:
        raise invalid(f"input '{name}': datatype {excerpt(word)} is none of {', '.join(DTYPES)}")
    return dtype


def read_parameters(value: JsonValue, owner: str) -> Parameters:
    """Parameters by name.

    Errors: INVALID_ARGUMENT naming whose they are, for no object and for values that are lists or objects.
    """
    if type(value) is not dict:
        raise invalid(f"{owner}: 'parameters' must be an object, not {excerpt(value)}")
    for key, found in value.items():
        if type(found) not in SCALARS and key != HEADERS:
            raise invalid(f"{owner}: parameter {excerpt(key)} must be a text, number or boolean")
    return value


def read_flag(parameters: Parameters, key: str, default: bool, owner: str) -> bool:
    """A parameter that is a boolean.

    Errors: INVALID_ARGUMENT naming whose it is.
    """
    value = parameters.get(key)
    if value is None:
        return default
    if type(value) is not bool:
        raise invalid(f"{owner}: '{key}' must be true or false, not {excerpt(value)}")
    return value


def check_reserved(parameters: Parameters) -> None:
    """No parameter has a name that the protocol keeps for its servers, nor one that it knows another type.

    Errors: INVALID_ARGUMENT naming it.
    """
    for key, value in parameters.items():
        if key.startswith(RESERVED):
            raise invalid(f"parameter {excerpt(key)}: names that begin with '{RESERVED}' are reserved")
        if key in KINDS and value is not None:
            kinds, word = KINDS[key]
            if type(value) not in kinds:
                raise invalid(f"parameter '{key}' must be {word}, not {excerpt(value)}")


def no_shared_memory(owner: str) -> DragomanError:
    """The error for a tensor that is to be read from shared memory, or written there."""
    return DragomanError(
        Code.UNIMPLEMENTED, f"{owner}: this server does not use shared memory of its clients"
    )

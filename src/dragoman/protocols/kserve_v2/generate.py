"""Generate and generate_stream: a flat object in, the outputs by their names out, once or as they come.

Triton's extension. A key that is an input's name becomes that tensor, every other one a parameter. MLServer's
clients post an ordinary inference request to the same paths, and get ordinary answers; what the body holds
tells which of the two it is.
"""

from math import prod
from typing import Final

from msgspec import field

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Shape, Tensor
from dragoman.protocols.kserve_v2.errors import fail
from dragoman.protocols.kserve_v2.target import read_target
from dragoman.settings.limits import Limits
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import dump, excerpt, load
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.raw_tensors import check_shape
from dragoman.wire.tensor_json import write_array
from dragoman.wire.v2.answer import answer_head, write_output, write_texts
from dragoman.wire.v2.binding import bind_tensors, with_parameters
from dragoman.wire.v2.compression import inflated
from dragoman.wire.v2.headers import read_headers
from dragoman.wire.v2.json_data import read_data
from dragoman.wire.v2.request import (
    InferDraft,
    Parameters,
    check_reserved,
    read_document,
    read_parameters,
)

EVENTS: Final = b"text/event-stream; charset=utf-8"
ID: Final = "id"
PARAMETERS: Final = "parameters"
TENSOR_KEYS: Final = frozenset({"name", "shape", "datatype"})
NESTED: Final = (dict, list)


class GenerateDraft(Draft):
    """A body; `infer` is set where it is an inference request. `signature` is there once bound."""

    document: JsonObject
    streamed: bool
    id: str | None = None
    infer: InferDraft | None = None
    signature: Signature | None = None
    parameters: Parameters = field(default_factory=dict)


def parse_generate(streamed: bool, wire: WireRequest, limits: Limits) -> GenerateDraft:
    """The body, whose keys wait for the model: only that tells inputs from parameters.

    Errors: INVALID_ARGUMENT for no object, an id that is no text, and parameters that are none.
    """
    encoding, _, _ = read_headers(wire.headers)
    body = wire.body if encoding is None else inflated(wire.body, encoding, limits)
    document = load(body, limits.json_depth, whole=True)
    if type(document) is not dict:
        raise invalid(f"the body must be a JSON object, not {excerpt(document)}")
    target = read_target(wire)
    if is_infer(document.get("inputs")):
        return GenerateDraft(target, {}, streamed, infer=read_document(target, document))
    request_id = document.get(ID)
    if request_id is not None and type(request_id) is not str:
        raise invalid(f"'id' must be a string, not {excerpt(request_id)}")
    parameters: Parameters = {}
    if (given := document.get(PARAMETERS)) is not None:
        parameters = read_parameters(given, "the request")
        check_reserved(parameters)
    return GenerateDraft(target, document, streamed, request_id, parameters=parameters)


def is_infer(inputs: JsonValue) -> bool:
    """Whether these are the inputs of an inference request."""
    if type(inputs) is not list or not inputs:
        return False
    first = inputs[0]
    return type(first) is dict and first.keys() >= TENSOR_KEYS


def bind_generate(draft: GenerateDraft, signature: Signature) -> CoreRequest:
    """The request for the signature's inputs.

    Errors: INVALID_ARGUMENT as `bind_tensors`, for values that do not fit an input, and for a key that is
    neither an input nor a plain parameter; UNIMPLEMENTED for a model of no known inputs.
    """
    draft.signature = signature
    model = draft.target.model
    if draft.infer is not None:
        outputs = [one.name for one in draft.infer.outputs]
        bound = bind_tensors(model, draft.infer.inputs, outputs, signature)
        return with_parameters(bound, draft.infer.parameters)
    if signature.untyped:
        raise DragomanError(Code.UNIMPLEMENTED, f"model '{model}' does not say which inputs a key could be")
    tensors = {}
    parameters = dict(draft.parameters)
    for key, value in draft.document.items():
        spec = signature.inputs.get(key)
        if spec is not None:
            tensors[key] = read_value(key, value, spec)
        elif key not in (ID, PARAMETERS) and isinstance(value, NESTED):
            raise invalid(f"parameter '{key}' has invalid type: it is no input of model '{model}'")
        elif key not in (ID, PARAMETERS):
            parameters[key] = value
    return with_parameters(bind_tensors(model, tensors, (), signature), parameters)


def read_value(name: str, value: JsonValue, spec: TensorSpec) -> Tensor:
    """An input from one value or a flat list of them.

    Shapes: the fixed sizes of the input divide the number of values; the innermost open size takes the rest.
    Errors: INVALID_ARGUMENT.
    """
    flat = value if type(value) is list else [value]
    shape = shape_for(name, len(flat), spec.shape)
    check_shape(name, shape, spec.dtype)
    return Tensor(spec.dtype, read_data(name, flat, spec.dtype, shape, len(flat)))


def shape_for(name: str, count: int, shape: Shape | None) -> tuple[int, ...]:
    """The shape that so many values have in an input of this one.

    Errors: INVALID_ARGUMENT where the fixed sizes do not divide them.
    """
    if shape is None:
        return (count,)
    fixed = prod(size for size in shape if size is not None)
    open_sizes = [place for place, size in enumerate(shape) if size is None]
    rest, over = divmod(count, fixed) if fixed else (0, count)
    if over or (not open_sizes and rest != 1):
        raise invalid(f"input '{name}': {count} values do not fill the shape {list_of(shape)}")
    innermost = open_sizes[-1] if open_sizes else -1
    return tuple(
        (rest if place == innermost else 1) if size is None else size for place, size in enumerate(shape)
    )


def list_of(shape: Shape) -> list[int]:
    """A shape as clients see it."""
    return [-1 if size is None else size for size in shape]


def encode_generate(draft: GenerateDraft, response: TensorResponse) -> WireResponse:
    """The only answer: an object, or a stream of one event.

    Errors: INVALID_ARGUMENT for bytes that are no text.
    """
    body = written(draft, response)
    return WireResponse(200, event(body), EVENTS) if draft.streamed else WireResponse(200, body)


def written(draft: GenerateDraft, given: TensorResponse | Chunk) -> bytes:
    """One answer: each output under its own name, or a list of them as inference answers."""
    head = answer_head(draft.target.model, given.version)
    request_id = draft.id if draft.infer is None else draft.infer.id
    if request_id is not None:
        head = b'%b,"id":%b' % (head, dump(request_id))
    if draft.infer is not None:
        entries = [write_output(name, tensor) for name, tensor in given.outputs.items()]
        return b'%b,"outputs":[%b]}' % (head, b",".join(entries))
    members = [b"%b:%b" % (dump(name), write_value(name, tensor)) for name, tensor in given.outputs.items()]
    return b"%b}" % b",".join([head, *members])


def write_value(name: str, tensor: Tensor) -> bytes:
    """An output: the bare value where it is one, else a flat list."""
    array = tensor.array.reshape(-1)
    flat = write_texts(name, tensor) if tensor.dtype is DType.BYTES else write_array(array, tensor.dtype)
    return flat[1:-1] if array.size == 1 else flat


def event(data: bytes) -> bytes:
    """One server-sent event. JSON as it is written here has no line ends."""
    return b"data: %b\n\n" % data


class EventEncoder:
    """Writes the parts of a streamed answer as events; nothing follows the last one."""

    def __init__(self, draft: GenerateDraft) -> None:
        self._draft = draft

    def head(self, _: Chunk | None) -> WireResponse:
        """The head of a stream that has begun well."""
        return WireResponse(200, content_type=EVENTS)

    def chunk(self, item: Chunk) -> bytes:
        """One answer."""
        return event(written(self._draft, item))

    def end(self) -> bytes | None:
        """Nothing."""
        return None

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """What became of the rest."""
        return event(bytes(fail(self._draft, error).body))


def stream_generate(draft: GenerateDraft) -> EventEncoder | None:
    """An encoder where the caller reads events and the model answers in parts."""
    signature = draft.signature
    return EventEncoder(draft) if draft.streamed and signature is not None and signature.streams else None

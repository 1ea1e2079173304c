"""Inference over REST, in JSON and in the form of the binary tensor data extension."""

from typing import Final

from dragoman.core.requests import CoreRequest, Target
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.raw_tensors import Data
from dragoman.wire.v2.answer import answer_head, write_binary_output, write_output
from dragoman.wire.v2.binary import LENGTH_HEADER, read_length, read_raw_body
from dragoman.wire.v2.binding import bind_tensors, unexpected_output, with_parameters
from dragoman.wire.v2.classification import check_classified, classify
from dragoman.wire.v2.compression import compress, inflated
from dragoman.wire.v2.headers import read_headers
from dragoman.wire.v2.known import find_known
from dragoman.wire.v2.repeated import read_repeated
from dragoman.wire.v2.request import InferDraft, WantedOutput, read_request

OCTETS: Final = b"application/octet-stream"


def read_infer(target: Target, wire: WireRequest, limits: Limits) -> InferDraft:
    """The request with its tensors, which say their types and shapes themselves.

    Errors: INVALID_ARGUMENT naming the key or the tensor that is not as it should be; UNIMPLEMENTED for
    shared memory and for unknown encodings; TOO_LARGE for what inflates beyond the limit.
    """
    encoding, length, accepted = read_headers(wire.headers)
    body = wire.body if encoding is None else inflated(wire.body, encoding, limits)
    text: Data = body
    data: Data = b""
    if length is not None:
        size = read_length(length, body)
        if size == 0:
            return InferDraft(target, {}, [], None, True, accepted, body)
        whole = memoryview(body)
        text, data = whole[:size], whole[size:]
        if size != len(whole) and (known := find_known(text, limits.json_depth)) is not None:
            return known.draft(target, data, accepted)
    elif (draft := read_repeated(target, text, accepted, limits.json_depth)) is not None:
        return draft
    return read_request(target, text, data, accepted, limits.json_depth)


def bind_infer(draft: InferDraft, signature: Signature) -> CoreRequest:
    """The request for the signature's inputs.

    Errors: as `bind_tensors` and `read_raw_body`; INVALID_ARGUMENT for a classification of what has no order.
    """
    model, wanted = draft.target.model, draft.outputs
    draft.signature = signature
    inputs = draft.inputs if draft.raw is None else read_raw_body(model, draft.raw, signature)
    bound = bind_tensors(model, inputs, [output.name for output in wanted] if wanted else (), signature)
    if draft.parameters:
        bound = with_parameters(bound, draft.parameters)
    for output in wanted:
        if output.classes:
            check_classified(output.name, signature)
    return bound


def encode_infer(draft: InferDraft, response: TensorResponse) -> WireResponse:
    """The outputs that were asked for, or all, each in its form.

    Errors: INVALID_ARGUMENT for bytes that are no text and are wanted as JSON, and for outputs that a model
    of no known outputs does not give.
    """
    head = answer_head(draft.target.model, response.version)
    if draft.id is not None:
        head = b'%b,"id":%b' % (head, dump(draft.id))
    if draft.outputs or draft.binary:
        answer = write_wanted(head, draft, response)
    else:
        entries = [write_output(name, tensor) for name, tensor in response.outputs.items()]
        answer = WireResponse(200, b'%b,"outputs":[%b]}' % (head, b",".join(entries)))
    return answer if draft.accepted is None else compress(answer, draft.accepted)


def write_wanted(head: bytes, draft: InferDraft, response: TensorResponse) -> WireResponse:
    """An answer of which some outputs are binary, or are not all as the model gives them."""
    entries: list[bytes] = []
    parts: list[Data] = []
    for output in draft.outputs or [WantedOutput(name, True) for name in response.outputs]:
        tensor = response.outputs.get(output.name)
        if tensor is None:  # of a model that does not say beforehand which it gives
            raise unexpected_output(draft.target.model, output.name)
        if output.classes and draft.signature is not None:
            spec = draft.signature.outputs[output.name]
            tensor = classify(tensor, output.classes, spec, draft.signature.classes)
        if output.binary:
            entry, data = write_binary_output(output.name, tensor)
            parts.append(data)
        else:
            entry = write_output(output.name, tensor)
        entries.append(entry)
    text = b'%b,"outputs":[%b]}' % (head, b",".join(entries))
    if not parts:
        return WireResponse(200, text)
    headers = [(LENGTH_HEADER, b"%d" % len(text))]
    return WireResponse(200, b"".join([text, *parts]), OCTETS, headers)

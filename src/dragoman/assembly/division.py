"""Two protocols on one path, divided by the model: what it reads is known once its version is."""

from typing import Any

from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.core.requests import CoreRequest, Kind
from dragoman.core.signatures import Signature
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft, InferOperation, StreamEncoder


class DividedDraft(Draft):
    """A request as the protocol of bodies parsed it.

    `is_tensors`: it is the other protocol's; `tensors` is there once that one has parsed it, too.
    """

    bodies: Draft
    wire: WireRequest
    limits: Limits
    is_tensors: bool = False
    tensors: Draft | None = None


def by_what_is_read(bodies: InferOperation, tensors: InferOperation) -> InferOperation:
    """An operation that is `bodies` where the model reads bodies itself, and `tensors` where it does not.

    Failures before that is known are told by `bodies`, which also says which model is meant.
    """

    def parse(wire: WireRequest, limits: Limits) -> DividedDraft:
        draft = bodies.parse(wire, limits)
        return DividedDraft(draft.target, draft, wire, limits)

    def bind(draft: DividedDraft, signature: Signature) -> CoreRequest:
        if Kind.PAYLOAD in signature.accepts:
            return bodies.bind(draft.bodies, signature)
        draft.is_tensors = True
        draft.tensors = tensors.parse(draft.wire, draft.limits)
        return tensors.bind(draft.tensors, signature)

    def encode(draft: DividedDraft, response: Any) -> WireResponse:
        operation, own = chosen(draft)
        return operation.encode(own, response)

    def fail(draft: DividedDraft | None, error: DragomanError) -> WireResponse:
        if draft is None:
            return bodies.fail(None, error)
        operation, own = chosen(draft)
        return operation.fail(own, error)

    def stream(draft: DividedDraft) -> StreamEncoder | None:
        operation, own = chosen(draft)
        return None if operation.stream is None else operation.stream(own)

    def writing(draft: DividedDraft, response: Any) -> int:
        operation, own = chosen(draft)
        return 0 if operation.writing is None else operation.writing(own, response)

    def chosen(draft: DividedDraft) -> tuple[InferOperation, Draft | None]:
        return (tensors, draft.tensors) if draft.is_tensors else (bodies, draft.bodies)

    return replace(tensors, parse=parse, bind=bind, encode=encode, fail=fail, stream=stream, writing=writing)

"""StreamPredictions2: any requests on one stream. What fails is a message, and the stream goes on."""

from dragoman.core.errors import DragomanError
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.grpc import GrpcDraft, PartsEncoder
from dragoman.protocols.torchserve.grpc_errors import OUTSIDERS, fail, failure_of
from dragoman.protocols.torchserve.grpc_messages import messages
from dragoman.wire.messages import WireResponse


class GoingOnEncoder(PartsEncoder):
    """Writes a message for each part of an answer, and one for what fails midway."""

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """The status in a message."""
        told = fail_message(self._manner, self._draft, error)
        return told if told.status else bytes(told.body)


def stream_message(manner: Manner, draft: GrpcDraft) -> GoingOnEncoder | None:
    """An encoder for code that may answer in parts whenever it likes, and for models that do."""
    return GoingOnEncoder(manner, draft) if draft.reading is None or draft.streams else None


def fail_message(manner: Manner, draft: GrpcDraft | None, error: DragomanError) -> WireResponse:
    """A failed request: a message that says so. With one who may not call at all the stream ends."""
    if error.code in OUTSIDERS:
        return fail(manner, draft, error)
    failure = failure_of(manner, draft, error)
    message = failure.message.encode("utf-8", "replace").decode()
    status = messages().Status(code=failure.status, message=message)
    status.details.add().Pack(messages().ErrorInfo(reason=failure.kind))
    return WireResponse(0, messages().PredictionResponse(status=status).SerializeToString())

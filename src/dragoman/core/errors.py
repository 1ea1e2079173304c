"""Every failure a caller can be told of.

    Exception
     +-- DragomanError      code, message, reason, retry_after_s; the message is safe to show a stranger

There is one exception type and one closed list of codes. A protocol turns a code into its own number in
its `errors.py`; nothing below a protocol knows any of those numbers. An exception of any other type never
reaches a client: the gateway makes it INTERNAL, a fixed sentence and a request id; its text goes to the log.
"""

import enum
from typing import Final


class Code(enum.Enum):
    """What went wrong, in the words gRPC uses, plus TOO_LARGE for bodies beyond a size limit."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    TOO_LARGE = "TOO_LARGE"
    CANCELLED = "CANCELLED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Reason(enum.Enum):
    """Cases that protocols word differently although the code is the same."""

    MODEL_UNKNOWN = "model_unknown"
    MODEL_REMOVED = "model_removed"  # it was there once
    PIPELINE_REMOVED = "pipeline_removed"
    VERSION_UNKNOWN = "version_unknown"
    VERSION_RETIRED = "version_retired"  # it served once
    LABEL_UNKNOWN = "label_unknown"
    SIGNATURE_UNKNOWN = "signature_unknown"
    MODEL_NOT_READY = "model_not_ready"
    PIPELINE_NOT_READY = "pipeline_not_ready"
    INPUT_UNKNOWN = "input_unknown"
    INPUT_MISSING = "input_missing"
    INPUT_DTYPE = "input_dtype"  # of another type than the model takes, and so on
    INPUT_RANK = "input_rank"
    INPUT_BATCH = "input_batch"  # the size of the axis that holds a batch's elements
    INPUT_SHAPE = "input_shape"
    TENSOR_BYTES = "tensor_bytes"  # a message's raw bytes are not those of its tensor
    TENSOR_VALUES = "tensor_values"  # a message has other than one value for each element of its tensor
    LOAD_FAILED = "load_failed"  # what was to be loaded on request
    REGISTRATION_OFF = "registration_off"  # versions are registered and taken away only where that is wanted
    VERSION_REGISTERED = "version_registered"  # already
    VERSION_DEFAULT = "version_default"  # it is called where none is named, and may not be taken away
    URL_REFUSED = "url_refused"  # no archive may be, or is, where it is said to be
    DOWNLOAD_FAILED = "download_failed"
    MODEL_INVALID = "model_invalid"  # what its archive says of it cannot be
    WORKERS_FAILED = "workers_failed"  # none of a version that was registered could load it
    QUEUE_FULL = "queue_full"
    NO_WORKER = "no_worker"  # none runs that could answer, and nothing may wait for one
    ROUTE_UNKNOWN = "route_unknown"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    ENCODING_UNKNOWN = "encoding_unknown"
    NO_JSON_FORM = "no_json_form"
    NO_CONTENT = "no_content"  # a pipeline ended early because a node gave nothing to go on with
    SETTINGS_UNREADABLE = "settings_unreadable"  # a file of settings cannot be opened
    SETTINGS_MALFORMED = "settings_malformed"  # the files are no settings
    SETTINGS_REFUSED = "settings_refused"  # the settings are taken over, but for some of their models
    MODELS_REFUSED = "models_refused"  # the settings are as they were, and some models do not load
    PLACE_UNREADABLE = "place_unreadable"  # a model's path leads nowhere
    MANIFEST_MISSING = "manifest_missing"  # a model archive without one
    MANIFEST_MALFORMED = "manifest_malformed"
    ARCHIVE_UNUSABLE = "archive_unusable"  # it cannot be unpacked, or must not be
    NO_EXPLAINER = "no_explainer"  # nothing explains the model's answers
    PARAMETER_UNSUPPORTED = "parameter_unsupported"  # it is known, but the model's engine cannot do it
    CONTEXT_EXCEEDED = "context_exceeded"  # a prompt with what is to be written is too long for the model
    MODEL_KIND = "model_kind"  # it does something else than what is asked
    MODELS_MISFIT = "models_misfit"  # those of a pipeline: what one gives another does not take


NO_MODEL: Final = frozenset({Reason.MODEL_UNKNOWN, Reason.MODEL_REMOVED, Reason.PIPELINE_REMOVED})
NO_VERSION: Final = frozenset({Reason.VERSION_UNKNOWN, Reason.VERSION_RETIRED})
NOT_READY: Final = frozenset({Reason.MODEL_NOT_READY, Reason.PIPELINE_NOT_READY})


class DragomanError(Exception):
    """A failure with a code and a sentence that may be shown to anyone.

    Attributes: `retry_after_s` is set where trying again later makes sense, in seconds; `status` is the HTTP
    status that a model's own code chose for its failure, or with which no request is refused; `param` is the
    field of the request that is wrong, where it is one and its protocol tells it apart.
    """

    __slots__ = ("code", "message", "param", "reason", "retry_after_s", "status")

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        reason: Reason | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.status = status
        self.param = param

    def __repr__(self) -> str:
        return f"DragomanError({self.code.name}, {self.message!r})"


def invalid(message: str, reason: Reason | None = None) -> DragomanError:
    """An INVALID_ARGUMENT error: the commonest one."""
    return DragomanError(Code.INVALID_ARGUMENT, message, reason=reason)

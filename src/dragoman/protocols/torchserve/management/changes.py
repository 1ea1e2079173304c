"""Registering, scaling, choosing the default version, taking away: what is asked, and what is answered."""

from typing import Final

from dragoman.core.control import ControlRequest, ControlResult, Register, Scale, SetDefault, Unregister
from dragoman.core.errors import NO_MODEL, NO_VERSION, Code, DragomanError, Reason, invalid
from dragoman.protocols.torchserve.answers import Manner, document
from dragoman.protocols.torchserve.errors import NO_METHOD, answer_error, unknown_model, unknown_version
from dragoman.protocols.torchserve.management.parameters import (
    Parameters,
    named,
    read_query,
    read_registration,
)
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.origin import check_origin

RUNTIMES: Final = ("python", "python3", "LSP")
PROCESSING: Final = "Processing worker updates..."
NO_WORKERS: Final = (
    'Model "{model}" Version: {version} registered with 0 initial workers. '
    "Use scale workers API to add workers for the model."
)
WORDS: Final = {
    Reason.MANIFEST_MISSING: "Model name is not defined.",
    Reason.REGISTRATION_OFF: NO_METHOD,
}


def parse_register(wire: WireRequest, limits: Limits) -> Register:
    """The archive to register, and how.

    Errors: those of `registration`.
    """
    check_origin(wire)
    given = read_registration(wire, limits)
    return registration(given, waits=given.on("synchronous", usual=True))


def registration(given: Parameters, *, waits: bool) -> Register:
    """The same of parameters.

    Errors: INVALID_ARGUMENT where no archive is named, and for values that nothing can be done with.
    """
    if "url" not in given.texts:
        raise invalid("Parameter url is required.")
    runtime = given.text("runtime")
    if runtime and runtime not in RUNTIMES:
        raise invalid(f"Invalid RuntimeType value: {runtime}")
    initial = given.number("initial_workers")
    return Register(
        url=given.text("url"),
        name=given.text("model_name"),
        handler=given.text("handler"),
        runtime=runtime,
        workers=0 if initial is not None and initial < 0 else given.workers("initial_workers"),
        batch_size=given.positive("batch_size"),
        max_batch_delay_ms=given.not_negative("max_batch_delay"),
        response_timeout_s=given.positive("response_timeout"),
        startup_timeout_s=given.not_negative("startup_timeout"),
        waits=waits,
    )


def parse_scale(wire: WireRequest, _: Limits) -> Scale:
    """How many workers a version is to have.

    Errors: those of `scaling`.
    """
    check_origin(wire)
    given = read_query(wire)
    model, version = named(wire)
    return scaling(given, model, version, waits=given.on("synchronous", usual=False))


def scaling(given: Parameters, model: str, version: str | None, *, waits: bool) -> Scale:
    """The same of parameters.

    Errors: INVALID_ARGUMENT for more of them at least than at most, and for numbers out of all reason.
    """
    minimum = given.workers("min_worker")
    minimum = 1 if minimum is None else minimum
    maximum = given.workers("max_worker")
    maximum = minimum if maximum is None else maximum
    if maximum < minimum:
        raise invalid("max_worker cannot be less than min_worker.")
    return Scale(model, minimum, maximum, version_name=version, waits=waits)


def parse_default(wire: WireRequest, _: Limits) -> SetDefault:
    """The version that is to be the default."""
    check_origin(wire)
    model, version = named(wire)
    return SetDefault(model, version or "")


def parse_unregister(wire: WireRequest, _: Limits) -> Unregister:
    """The model or version to take away."""
    check_origin(wire)
    return Unregister(*named(wire))


def encode_change(manner: Manner, result: ControlResult) -> WireResponse:
    """What was done, in a sentence; 202 where it is only begun."""
    return document(manner, 202 if result.pending else 200, {"status": said(result)})


def said(result: ControlResult) -> str:
    """The sentence that says what was done."""
    request, model, version = result.request, result.model, result.version_name
    if result.pending:
        return PROCESSING
    if isinstance(request, Register):
        if not result.workers:
            return NO_WORKERS.format(model=model, version=version)
        return f'Model "{model}" Version: {version} registered with {result.workers} initial workers'
    if isinstance(request, Scale):
        of_version = f", version: {version}" if version else ""
        return f"Workers scaled to {result.workers} for model: {model}{of_version}"
    if isinstance(request, SetDefault):
        return f'Default version successfully updated for model "{model}" to "{version}"'
    return f'Model "{model}" unregistered'


def fail_change(manner: Manner, request: ControlRequest | None, error: DragomanError) -> WireResponse:
    """A change that was not made."""
    return answer_error(manner, reworded_change(request, error))


def reworded_change(request: ControlRequest | None, error: DragomanError) -> DragomanError:
    """The error in the reference's words, where it has words of its own."""
    if isinstance(request, Scale | SetDefault | Unregister):
        if error.reason in NO_MODEL:
            return unknown_model(request.model)
        if error.reason in NO_VERSION:
            asked = request.version_name or ""
            if isinstance(request, SetDefault):
                message = f"Model version {asked} does not exist for model {request.model}"
                return DragomanError(Code.NOT_FOUND, message, reason=Reason.VERSION_UNKNOWN)
            return unknown_version(request.model, asked)
    if error.reason in WORDS:
        return DragomanError(error.code, WORDS[error.reason], reason=error.reason)
    if error.reason is Reason.MANIFEST_MALFORMED and "it is not JSON" in error.message:
        return DragomanError(error.code, "Failed to parse signature.json.", reason=error.reason)
    return error

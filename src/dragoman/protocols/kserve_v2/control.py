"""Load and unload over REST, and what gRPC shares of them."""

from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.control import ControlResult, Load, Unload
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.names import check_model_name
from dragoman.protocols.kserve_v2.bodies import read_object, read_parameters
from dragoman.protocols.kserve_v2.errors import answer_error, unknown_model
from dragoman.protocols.kserve_v2.override import read_override
from dragoman.settings.limits import Limits
from dragoman.wire.base64 import decode_base64
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import dump, excerpt
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.origin import check_origin
from dragoman.wire.percent import percent_decoded

CONFIG: Final = "config"
FILE: Final = "file:"
UNLOAD_DEPENDENTS: Final = "unload_dependents"
# Who asks is not known, may not, or asked too often: not a word of the model.
REFUSALS: Final = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.RESOURCE_EXHAUSTED})


def parse_load(wire: WireRequest, _: Limits) -> Load:
    """The model to load; with the parameter `config`, and files, as these say.

    Errors: INVALID_ARGUMENT naming the parameter, in Triton's words for a load that fails.
    """
    check_origin(wire)
    name = percent_decoded(wire.params["model"])

    def read() -> Load:
        parameters = read_parameters(read_object(wire))
        texts = {key: read_text(key, value) for key, value in parameters.items()}
        config = texts.pop(CONFIG, None)
        return read_load(name, config, {key: read_content(key, text) for key, text in texts.items()})

    return worded(name, read)


def read_load(name: str, config: str | None, files: Mapping[str, bytes]) -> Load:
    """The request; `files` by their parameters.

    Errors: INVALID_ARGUMENT for a name that no model may have, a parameter that there is not, files without a
    configuration, and as `read_override`.
    """
    check_model_name(name)
    for key in files:
        check_parameter(key)
    if config is None:
        if files:
            raise invalid(f"{excerpt(next(iter(files)))}: files need the parameter 'config' beside them")
        return Load(name, looks=True)
    placed = {key.removeprefix(FILE): content for key, content in files.items()}
    return Load(name, looks=True, override=read_override(config, name, placed))


def check_parameter(key: str) -> None:
    """Nothing, if there is such a parameter of a load.

    Errors: INVALID_ARGUMENT.
    """
    if key != CONFIG and not key.startswith(FILE):
        raise invalid(f"there is no parameter {excerpt(key)}: a load takes 'config' and 'file:PATH'")


def read_text(key: str, value: JsonValue) -> str:
    """A parameter's text.

    Errors: INVALID_ARGUMENT.
    """
    check_parameter(key)
    if type(value) is not str:
        raise invalid(f"parameter {excerpt(key)} must be a string, not {excerpt(value)}")
    return value


def read_content(key: str, text: str) -> bytes:
    """What a file holds.

    Errors: INVALID_ARGUMENT.
    """
    try:
        return decode_base64(text)
    except DragomanError:
        raise invalid(f"parameter {excerpt(key)} is not base64") from None


def parse_unload(wire: WireRequest, _: Limits) -> Unload:
    """The model to unload, and whether what it is made of goes, too.

    Errors: INVALID_ARGUMENT naming the parameter.
    """
    check_origin(wire)
    parameters = read_parameters(read_object(wire))
    for key in parameters:
        if key != UNLOAD_DEPENDENTS:
            raise no_such_unload_parameter(key)
    dependents = parameters.get(UNLOAD_DEPENDENTS, False)
    if type(dependents) is not bool:
        raise invalid(f"parameter '{UNLOAD_DEPENDENTS}' must be true or false, not {excerpt(dependents)}")
    return Unload(percent_decoded(wire.params["model"]), parts=dependents, waits=False)


def no_such_unload_parameter(key: str) -> DragomanError:
    """The error for a parameter that an unload does not have."""
    return invalid(f"there is no parameter {excerpt(key)}: an unload takes '{UNLOAD_DEPENDENTS}'")


def encode_load(result: ControlResult) -> WireResponse:
    """It is loaded. Triton's clients look at the status alone; the body is KServe's."""
    return WireResponse(200, dump({"name": result.model, "load": True}))


def encode_unload(result: ControlResult) -> WireResponse:
    """It does not serve any more."""
    return WireResponse(200, dump({"name": result.model, "unload": True}))


def fail_load(request: Load | None, error: DragomanError) -> WireResponse:
    """A load that failed."""
    return answer_error(load_failure(request, error))


def fail_unload(request: Unload | None, error: DragomanError) -> WireResponse:
    """An unload that failed."""
    return answer_error(unload_failure(request, error))


def load_failure(request: Load | None, error: DragomanError) -> DragomanError:
    """The error in Triton's words. What does not load is the caller's mistake there, whatever is wrong.

    Errors of parsing, where there is no request, have their words already.
    """
    if request is None or error.code in REFUSALS:
        return error
    if error.reason is Reason.LOAD_FAILED:
        return DragomanError(Code.INVALID_ARGUMENT, f"failed to load '{request.model}': {error.message}")
    return poll_failure(request.model, error)


def poll_failure(name: str, error: DragomanError) -> DragomanError:
    """The error for a model that could not even be looked for."""
    message = f"failed to load '{name}', failed to poll from model repository: {error.message}"
    return DragomanError(error.code, message, reason=error.reason)


def unload_failure(request: Unload | None, error: DragomanError) -> DragomanError:
    """The error in the words that clients know."""
    if request is not None and error.reason is Reason.MODEL_UNKNOWN:
        return unknown_model(request.model)
    return error


def worded(name: str, read: Callable[[], Load]) -> Load:
    """What is read.

    Errors: those of reading it, in Triton's words for a load that fails.
    """
    try:
        return read()
    except DragomanError as error:
        raise poll_failure(name, error) from error

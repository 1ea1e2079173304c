"""Triton's log settings: which kinds of entries are written. Who may control models may set them."""

from collections.abc import Mapping
from typing import Final

from dragoman.core.control import ControlResult, LogKinds, SetLogs
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.protocols.kserve_v2.bodies import read_object
from dragoman.protocols.kserve_v2.errors import answer_error, grpc_error
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.settings.limits import Limits
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import dump, excerpt
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.origin import check_origin
from dragoman.wire.protobuf import read_message

KINDS: Final = {"log_info": "info", "log_warning": "warning", "log_error": "error"}
VERBOSE: Final = "log_verbose_level"
MOST_VERBOSE: Final = 2**32 - 1
FIXED: Final = {"log_file": "", "log_format": "default"}  # what only a start can change
NAMES: Final = (*KINDS, VERBOSE, *FIXED)
PARAMETERS: Final[Mapping[type, str]] = {bool: "bool_param", int: "uint32_param", str: "string_param"}


def parse_question(_: WireRequest, __: Limits) -> SetLogs:
    """No change: what is asked for are the settings."""
    return SetLogs()


def parse_change(wire: WireRequest, _: Limits) -> SetLogs:
    """The changes of a body; what is null stays.

    Errors: as `read_changes`.
    """
    check_origin(wire)
    return read_changes({key: value for key, value in read_object(wire).items() if value is not None})


def parse_log_settings(wire: WireRequest, _: Limits) -> SetLogs:
    """The changes of a LogSettingsRequest.

    Errors: as `read_changes`.
    """
    given = read_message(messages().LogSettingsRequest, wire.body).settings
    kinds = {key: value.WhichOneof("parameter_choice") for key, value in given.items()}
    return read_changes({key: getattr(given[key], kind) for key, kind in kinds.items() if kind is not None})


def read_changes(given: Mapping[str, JsonValue]) -> SetLogs:
    """The changes.

    Errors: INVALID_ARGUMENT for a setting that there is not, or of another type; UNIMPLEMENTED for one that
    cannot be changed.
    """
    kinds: dict[str, bool] = {}
    verbose: int | None = None
    for key, value in given.items():
        if key in FIXED:
            check_fixed(key, value)
        elif key == VERBOSE:
            verbose = read_level(value)
        elif key not in KINDS:
            raise invalid(f"there is no log setting {excerpt(key)}; there is {', '.join(NAMES)}")
        elif type(value) is not bool:
            raise invalid(f"log setting '{key}' must be true or false, not {excerpt(value)}")
        else:
            kinds[KINDS[key]] = value
    return SetLogs(**kinds, verbose=verbose)


def check_fixed(key: str, value: JsonValue) -> None:
    """Nothing, if it stays as it is.

    Errors: INVALID_ARGUMENT for what is no text, UNIMPLEMENTED for a change.
    """
    if type(value) is not str:
        raise invalid(f"log setting '{key}' must be a string, not {excerpt(value)}")
    if value != FIXED[key]:
        raise DragomanError(
            Code.UNIMPLEMENTED, f"log setting '{key}' cannot be changed while the server runs"
        )


def read_level(value: JsonValue) -> int:
    """How much is written to find faults.

    Errors: INVALID_ARGUMENT.
    """
    if type(value) is not int or not 0 <= value <= MOST_VERBOSE:
        raise invalid(f"log setting '{VERBOSE}' must be a number from 0 on, not {excerpt(value)}")
    return value


def settings(logs: LogKinds) -> Mapping[str, bool | int | str]:
    """All settings by their names, in Triton's order."""
    return {
        "log_file": FIXED["log_file"],
        "log_info": logs.info,
        "log_warning": logs.warning,
        "log_error": logs.error,
        VERBOSE: logs.verbose,
        "log_format": FIXED["log_format"],
    }


def encode_settings(result: ControlResult) -> WireResponse:
    """The settings in force."""
    return WireResponse(200, dump(settings(result.logs)))


def encode_log_settings(result: ControlResult) -> WireResponse:
    """The same over gRPC."""
    answer = messages().LogSettingsResponse()
    for key, value in settings(result.logs).items():
        setattr(answer.settings[key], PARAMETERS[type(value)], value)
    return WireResponse(0, answer.SerializeToString())


def fail_settings(_: SetLogs | None, error: DragomanError) -> WireResponse:
    """Settings that may not be seen or changed."""
    return answer_error(error)


def fail_log_settings(_: SetLogs | None, error: DragomanError) -> WireResponse:
    """The same over gRPC."""
    return grpc_error(error)

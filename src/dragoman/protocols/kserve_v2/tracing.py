"""Triton's trace settings, as a server has them that writes no traces.

What asks for the settings in force is answered with them; what would change one is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.bodies import read_object
from dragoman.protocols.kserve_v2.errors import unknown_model
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import dump, excerpt
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded
from dragoman.wire.protobuf import read_message

# Triton's settings and defaults; all are texts but the list of levels.
LEVEL: Final = "trace_level"
IN_FORCE: Final[Mapping[str, Sequence[str]]] = {
    LEVEL: ("OFF",),
    "trace_rate": ("1000",),
    "trace_count": ("-1",),
    "log_frequency": ("0",),
    "trace_file": ("",),
    "trace_mode": ("triton",),
}


def answer_settings(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The settings over REST.

    Errors: NOT_FOUND for a model that there is not.
    """
    if "model" in wire.params:
        check_model(percent_decoded(wire.params["model"]), report)
    return WireResponse(
        200, dump({key: list(value) if key == LEVEL else value[0] for key, value in IN_FORCE.items()})
    )


def answer_change(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The settings after a change over REST, which may be none.

    Errors: NOT_FOUND for a model that there is not; INVALID_ARGUMENT for a setting that there is not or that
    has another type; UNIMPLEMENTED for a change.
    """
    answer = answer_settings(wire, report)
    for key, value in read_object(wire).items():
        check_change(key, None if value is None else texts(key, value))
    return answer


def answer_trace_setting(wire: WireRequest, report: StatusReport) -> WireResponse:
    """TraceSetting: the settings, after a change where there is one.

    Errors: as `answer_change`.
    """
    request = read_message(messages().TraceSettingRequest, wire.body)
    if request.model_name:
        check_model(request.model_name, report)
    for key, given in request.settings.items():
        check_change(key, tuple(given.value) or None)
    answer = messages().TraceSettingResponse()
    for key, value in IN_FORCE.items():
        answer.settings[key].value.extend(value)
    return WireResponse(0, answer.SerializeToString())


def check_model(name: str, report: StatusReport) -> None:
    """Nothing, if there is such a model.

    Errors: NOT_FOUND.
    """
    if report.models.get(name) is None:
        raise unknown_model(name)


def texts(key: str, value: JsonValue) -> tuple[str, ...]:
    """A setting's value: a text, or a list of them for the levels.

    Errors: INVALID_ARGUMENT.
    """
    given = value if type(value) is list else [value]
    if (key == LEVEL) is not (type(value) is list) or any(type(text) is not str for text in given):
        kind = "a list of strings" if key == LEVEL else "a string"
        raise invalid(f"trace setting {excerpt(key)} must be {kind}, not {excerpt(value)}")
    return tuple(map(str, given))


def check_change(key: str, value: tuple[str, ...] | None) -> None:
    """Nothing, if the setting is as it is to be; None = its default.

    Errors: INVALID_ARGUMENT for one that there is not; UNIMPLEMENTED for a change.
    """
    if key not in IN_FORCE:
        raise invalid(f"there is no trace setting {excerpt(key)}; there is {', '.join(IN_FORCE)}")
    if value is not None and value != IN_FORCE[key]:
        raise DragomanError(
            Code.UNIMPLEMENTED, f"{key} cannot be changed: this server writes no traces of Triton's kind"
        )

"""`/v1/models` and what is below it on a listener that serves every protocol.

The paths are the status of TensorFlow Serving, the readiness of KServe and the model list of OpenAI at once.
The answer is the union, which the clients of each read as their own: none of them minds the others' keys. It
is 200 for every model that is known, since those who poll the states have to see LOADING, and `ready` says
the rest. Every protocol that owns such a path puts these very operations there. OpenAI's own SDK, which
tells itself apart by its headers, gets its form alone.
"""

from typing import Any, Final

from dragoman.core.status import StatusReport
from dragoman.wire.http_errors import fail_status
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireRequest, WireResponse
from dragoman.wire.model_card import model_card, model_cards
from dragoman.wire.operation import StatusOperation
from dragoman.wire.target import read_target
from dragoman.wire.version_states import known_model, version_state, wanted_versions

OPENAI_SDK: Final = b"x-stainless-"  # what the names of its own headers begin with


def answer_model(wire: WireRequest, report: StatusReport) -> WireResponse:
    """One model: the states of its versions, highest first, whether it is ready, and its card.

    A label in the path is not looked at, as in TensorFlow Serving.
    Errors: NOT_FOUND for a model or a version that is unknown.
    """
    target = read_target(wire, None, superset=True)
    model = known_model(True, report, target)
    card = model_card(model)
    if is_openai(wire.headers):
        return WireResponse(200, dump(card))
    versions = wanted_versions(model, target)
    body = {
        "model_version_status": [version_state(version) for version in versions],
        "name": model.name,
        "ready": any(version.answers for version in versions),
    }
    return WireResponse(200, dump(body | card))


def answer_models(wire: WireRequest, report: StatusReport) -> WireResponse:
    """Every model: OpenAI's list, and KServe's list of names."""
    body: dict[str, Any] = {"object": "list", "data": model_cards(report)}
    if not is_openai(wire.headers):
        body["models"] = list(report.models)
    return WireResponse(200, dump(body))


def is_openai(headers: Headers) -> bool:
    """Whether OpenAI's SDK has sent this."""
    return any(name[: len(OPENAI_SDK)].lower() == OPENAI_SDK for name, _ in headers)


MODEL: Final = StatusOperation("v1.rest.status", answer_model, fail_status)
MODELS: Final = StatusOperation("v1.rest.list", answer_models, fail_status)

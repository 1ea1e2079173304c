"""The list of models, in OpenAI's form alone: on `/v1` it is joined with what others read there."""

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import StatusReport
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.model_card import model_card, model_cards
from dragoman.wire.percent import percent_decoded


def answer_models(_: WireRequest, report: StatusReport) -> WireResponse:
    """Every model."""
    return WireResponse(200, dump({"object": "list", "data": model_cards(report)}))


def answer_model(wire: WireRequest, report: StatusReport) -> WireResponse:
    """One model.

    Errors: NOT_FOUND.
    """
    name = percent_decoded(wire.params["model"])
    model = report.models.get(name)
    if model is None or not model.known:
        raise DragomanError(Code.NOT_FOUND, f"the model {name!r} does not exist", reason=Reason.MODEL_UNKNOWN)
    return WireResponse(200, dump(model_card(model)))

"""Models as OpenAI's clients read them."""

from typing import Any, Final

from dragoman.core.status import ModelStatus, StatusReport

OWNER: Final = "dragoman"


def model_card(model: ModelStatus) -> dict[str, Any]:
    """One model; `created` is the Unix time at which the serving version was loaded."""
    serving = model.latest_ready
    loaded_at_s = None if serving is None else serving.loaded_at_s
    return {"id": model.name, "object": "model", "created": int(loaded_at_s or 0), "owned_by": OWNER}


def model_cards(report: StatusReport) -> list[dict[str, Any]]:
    """Every model."""
    return [model_card(model) for model in report.models.values()]

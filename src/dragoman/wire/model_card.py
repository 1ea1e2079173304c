"""The part of a model's description that several protocols' clients look for in one and the same answer.

OpenAI's clients read `id`, `object`, `created` and `owned_by`, KServe's read `name` and `ready`; none of them
minds the others' keys, so a listener that serves all of them answers with the union.
"""

from typing import Any, Final

from dragoman.core.status import ModelStatus, StatusReport

OWNER: Final = "dragoman"


def model_card(model: ModelStatus) -> dict[str, Any]:
    """One model for OpenAI's clients; `created` is the Unix time at which the serving version was loaded."""
    serving = model.latest_ready
    loaded_at_s = None if serving is None else serving.loaded_at_s
    return {"id": model.name, "object": "model", "created": int(loaded_at_s or 0), "owned_by": OWNER}


def readiness_card(model: ModelStatus) -> dict[str, Any]:
    """One model for KServe's clients."""
    return {"name": model.name, "ready": model.latest_ready is not None}


def model_list(report: StatusReport) -> dict[str, Any]:
    """Every model: OpenAI's list, and KServe's list of names."""
    return {
        "object": "list",
        "data": [model_card(model) for model in report.models.values()],
        "models": list(report.models),
    }

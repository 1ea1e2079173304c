import json
from typing import Any, Final

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.wire.messages import WireRequest
from dragoman.wire.v1_models import MODEL, MODELS

REPORT: Final = StatusReport(
    {
        "m": ModelStatus(
            "m", (VersionStatus(1, State.GONE), VersionStatus(2, State.READY, loaded_at_s=1.7e9))
        ),
        "slow": ModelStatus("slow", (VersionStatus(1, State.LOADING),)),
    }
)
# What openai 3.52 sends, as it sends it.
SDK: Final = [
    (b"Host", b"127.0.0.1"), (b"Accept", b"application/json"), (b"User-Agent", b"OpenAI/Python 3.52.0"),
    (b"X-Stainless-Lang", b"python"), (b"x-stainless-async", b"false"),
]  # fmt: skip


def card(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "dragoman"}


def show(name: str, headers: Any = (), **params: str) -> Any:
    wire = WireRequest("GET", f"/v1/models/{name}", "", list(headers), b"", {"model": name, **params})
    response = MODEL.answer(wire, REPORT)
    assert (response.status, response.content_type) == (200, b"application/json")
    return json.loads(bytes(response.body))


def listed(headers: Any = ()) -> Any:
    return json.loads(
        bytes(MODELS.answer(WireRequest("GET", "/v1/models", "", list(headers), b""), REPORT).body)
    )


def test_one_answer_holds_what_every_client_reads() -> None:
    body = show("m")
    states = body.pop("model_version_status")
    assert [(state["version"], state["state"]) for state in states] == [("2", "AVAILABLE"), ("1", "END")]
    assert body == {"name": "m", "ready": True} | card("m", 1_700_000_000)


def test_a_model_that_is_loading_is_there_and_not_ready() -> None:
    body = show("slow")
    assert (body["ready"], body["created"]) == (False, 0)
    assert body["model_version_status"][0]["state"] == "LOADING"


def test_a_version_is_as_ready_as_it_is_itself() -> None:
    assert show("m", version="2")["ready"] is True
    assert show("m", version="1")["ready"] is False


def test_the_body_never_looks_like_an_error() -> None:
    assert "error" not in show("m")


@pytest.mark.parametrize("params", [{"model": "nope"}, {"model": "m", "version": "9"}])
def test_what_there_is_not_is_an_error(params: dict[str, str]) -> None:
    with pytest.raises(DragomanError) as raised:
        MODEL.answer(WireRequest("GET", "", "", [], b"", params), REPORT)
    response = MODEL.fail(None, raised.value)
    assert (response.status, list(json.loads(bytes(response.body)))) == (404, ["error"])


def test_models_are_listed_for_everyone() -> None:
    cards = [card("m", 1_700_000_000), card("slow", 0)]
    assert listed() == {"object": "list", "data": cards, "models": ["m", "slow"]}


def test_the_sdk_of_openai_gets_its_own_form() -> None:
    assert show("m", SDK) == card("m", 1_700_000_000)
    assert listed(SDK) == {"object": "list", "data": [card("m", 1_700_000_000), card("slow", 0)]}

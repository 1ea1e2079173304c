"""Models that read bodies: what they get of a request, and what becomes of their answers."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import PayloadRequest
from dragoman.core.responses import PayloadResponse
from tests.unit.protocols.torchserve.scene import Answer, Parts, Served

DIALECTS = ["torchserve", "superset"]
JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def echo(request: PayloadRequest) -> Parts:
    return PayloadResponse(bytes(request.parts[0].data))


def tell(request: PayloadRequest) -> Parts:
    """Everything that the model got."""
    parts = [[part.name, bytes(part.data).decode("latin-1"), part.media_type] for part in request.parts]
    return PayloadResponse(json.dumps({"parts": parts, "headers": dict(request.headers)}).encode())


@pytest.fixture(params=DIALECTS)
def served(request: pytest.FixtureRequest) -> Served:
    return Served({"echo": echo, "tell": tell}, request.param)


def told(answer: Answer) -> Any:
    assert answer.status == 200, answer
    return json.loads(answer.body)


def parts(answer: Answer) -> list[list[Any]]:
    found: list[list[Any]] = told(answer)["parts"]
    return found


def part(name: str, value: str, more: str = "", filename: str | None = None) -> str:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{more}\r\n{value}\r\n'


# What the model gets


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_but_options_predicts(served: Served, method: str) -> None:
    for path in (
        "/predictions/echo",
        "/predictions/echo/",
        "/predictions/echo/1.0",
        "/explanations/echo/1.0/",
    ):
        answer = served.ask(method, path, b"\xff hi")
        assert (answer.status, answer.body, answer.chunks) == (200, b"\xff hi", None)


def test_a_body_is_one_part_of_its_type(served: Served) -> None:
    assert parts(served.ask("POST", "/predictions/tell", "x")) == [["body", "x", None]]
    typed = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert parts(served.ask("POST", "/predictions/tell", "{", typed)) == [["body", "{", "Application/JSON"]]


def test_a_query_is_no_part_of_a_prediction(served: Served) -> None:
    assert parts(served.ask("POST", "/predictions/tell?data=q", "x")) == [["body", "x", None]]


@pytest.mark.parametrize(("keeps", "found"), [(False, ["3", "2"]), (True, ["1", "2", "3"])])
def test_of_parts_of_one_name_the_last_counts_unless_all_are_wanted(keeps: bool, found: list[str]) -> None:
    served = Served({"tell": tell}, keeps_repeated_parts=keeps)
    body = part("data", "1") + part("more", "2") + part("data", "3") + "--b--"
    assert [value for _, value, _ in parts(served.ask("POST", "/predictions/tell", body, MULTIPART))] == found
    fields = served.ask("POST", "/predictions/tell", "data=1&more=2&data=3", FORM)
    assert [value for _, value, _ in parts(fields)] == found


def test_only_files_of_a_form_have_types(served: Served) -> None:
    kind = "Content-Type: application/json\r\n"
    body = part("meta", "{}", kind, "m.json") + part("note", "{}", kind) + "--b--"
    assert parts(served.ask("POST", "/predictions/tell", body, MULTIPART)) == [
        ["meta", "{}", "application/json"],
        ["note", "{}", None],
    ]


def test_a_form_that_is_none_has_no_parts(served: Served) -> None:
    assert parts(served.ask("POST", "/predictions/tell", "garbage", MULTIPART)) == []


@pytest.mark.parametrize(("path", "added"), [
    ("/predictions/tell", {"explain": "False", "url_path": ""}),
    ("/predictions/tell/1.0/v1/chat%20x/to/", {"explain": "False", "url_path": "v1/chat x/to"}),
    ("/explanations/tell/1.0", {"explain": "True", "url_path": ""}),
])  # fmt: skip
def test_what_the_path_says_is_in_the_headers_and_wins(
    served: Served, path: str, added: Mapping[str, str]
) -> None:
    sent = {"explain": "Yes", "url_path": "mine", "X-My": "1", "x-my": "2"}
    assert told(served.ask("POST", path, "x", sent))["headers"] == {
        "Host": "x",
        "Content-Length": "1",
        "X-My": "1",
        "x-my": "2",
        **added,
    }


@pytest.mark.parametrize(("path", "explain"), [
    ("/v1/models/tell:predict", "False"),
    ("/v1/models/tell:explain", "True"),
    ("/v2/models/tell/infer", "False"),
    ("/v2/models/tell/explain", "True"),
])  # fmt: skip
def test_on_its_own_listener_kserves_paths_hand_the_body_over_as_it_is(path: str, explain: str) -> None:
    found = told(Served({"tell": tell}).ask("POST", path, '{"instances":[1]}', JSON))
    assert found["parts"] == [["body", '{"instances":[1]}', "application/json"]]
    assert (found["headers"]["explain"], "url_path" in found["headers"]) == (explain, False)


@pytest.mark.parametrize("path", [
    "/invocations?model_name=tell&k=v+1", "/models/tell/invoke?k=v%201", "/tell/predict?k=v+1",
    "/tell/1.0/predict/?k=v+1",
])  # fmt: skip
def test_the_older_forms_take_the_query_as_parts_and_say_nothing_of_explaining(path: str) -> None:
    found = told(Served({"tell": tell}).ask("POST", path, "x"))
    assert found["parts"][-2:] == [["k", "v 1", None], ["body", "x", None]]
    assert found["headers"].keys() == {"Host", "Content-Length"}


def test_an_invocation_without_a_name_is_the_only_models_or_is_refused() -> None:
    assert Served({"echo": echo}).ask("POST", "/invocations", "x").body == b"x"
    two = Served({"echo": echo, "tell": tell})
    refused = two.ask("POST", "/invocations", "x")
    assert json.loads(refused.body) == {
        "code": 400,
        "type": "BadRequestException",
        "message": "Parameter model_name is required.",
    }
    named = part("model_name", "tell") + "--b--"
    assert parts(two.ask("POST", "/invocations", named, MULTIPART)) == [["model_name", "tell", None]]


@pytest.mark.parametrize("path", [
    "/invocations", "/models/echo/invoke", "/echo/predict", "/echo/1.0/predict",
])  # fmt: skip
def test_the_default_listener_has_no_older_forms(path: str) -> None:
    served = Served({"echo": echo}, "superset")
    assert served.ask("POST", path, "x").status == 404


# What the model answers


def test_an_answer_has_the_models_bytes_no_type_and_no_phrase_of_ours(served: Served) -> None:
    answer = served.ask("POST", "/predictions/echo", b"\0\1")
    assert (answer.status, answer.reason, answer.body) == (200, "", b"\0\1")
    assert "content-type" not in answer.headers


def test_status_phrase_headers_and_type_are_the_models() -> None:
    def tea(_: PayloadRequest) -> Parts:
        headers = [("X-Dragoman", "yes"), ("X-Dragoman-2", "é")]
        return PayloadResponse(b"short and stout", "text/x-tea", 418, "I am a teapot", headers)

    for dialect in DIALECTS:
        answer = Served({"tea": tea}, dialect).ask("POST", "/predictions/tea", "x")
        assert (answer.status, answer.reason, answer.body) == (418, "I am a teapot", b"short and stout")
        assert answer.headers["content-type"] == "text/x-tea"
        assert (answer.headers["x-dragoman"], answer.headers["x-dragoman-2"]) == ("yes", "é")
        assert answer.open is (dialect == "superset")


def test_what_frames_an_answer_is_not_the_models_to_say() -> None:
    def framed(_: PayloadRequest) -> Parts:
        headers = [("Content-Length", "1"), ("transfer-encoding", "chunked"), ("Connection", "close")]
        ours = [("Pragma", "mine"), ("X-Request-ID", "mine"), ("CONTENT-TYPE", "a/b")]
        return PayloadResponse(b"hello", headers=[*headers, *ours])

    answer = Served({"framed": framed}).ask("POST", "/predictions/framed", "x")
    assert (answer.body, answer.headers["content-length"], answer.open) == (b"hello", "5", True)
    assert (answer.headers["pragma"], answer.headers["content-type"]) == ("no-cache", "a/b")
    assert answer.headers["x-request-id"] != "mine"
    free = Served({"framed": framed}, "superset").ask("POST", "/predictions/framed", "x")
    assert (free.headers["pragma"], free.headers["content-length"]) == ("mine", "5")


@pytest.mark.parametrize("wrong", [
    {"status": 42}, {"status": 1000}, {"status": 100}, {"reason": "a\r\nb: c"}, {"media_type": "a\nb"},
    {"headers": [("a b", "c")]}, {"headers": [("a", "b\r\nc: d")]}, {"headers": [("", "")]},
])  # fmt: skip
def test_an_answer_that_http_cannot_carry_is_an_error_of_the_server(wrong: dict[str, Any]) -> None:
    answer = Served({"wrong": lambda _: PayloadResponse(b"x", **wrong)}).ask(
        "POST", "/predictions/wrong", "x"
    )
    document = json.loads(answer.body)
    assert (answer.status, document["type"]) == (500, "InternalServerException")
    assert document["message"].endswith("which HTTP cannot carry")


def test_each_part_of_a_streamed_answer_is_a_chunk_of_its_own() -> None:
    def stream(_: PayloadRequest) -> Parts:
        headers = [("X-My", "1"), ("ts_stream_next", "true")]  # which handlers' own layer sets
        first = PayloadResponse(b"hello ", "text/plain", 201, "yes", headers)
        return [first, PayloadResponse(b""), PayloadResponse(b"hello "), PayloadResponse(b"hello world ")]

    for dialect in DIALECTS:
        answer = Served({"stream": stream}, dialect).ask("POST", "/predictions/stream", "x")
        assert answer.chunks == [b"hello ", b"hello ", b"hello world ", b""]
        assert (answer.status, answer.reason, answer.headers["content-type"]) == (201, "yes", "text/plain")
        assert (answer.headers["ts_stream_next"], answer.headers["x-my"]) == ("true", "1")
        assert "content-length" not in answer.headers
    assert "x-request-id" in Served({"stream": stream}).ask("GET", "/predictions/stream").headers


def test_a_stream_that_fails_midway_breaks_off_and_one_that_fails_first_is_an_error() -> None:
    broken = PayloadResponse(b"!")
    served = Served({"midway": lambda _: [PayloadResponse(b"a"), broken], "first": lambda _: [broken]})
    midway = served.ask("POST", "/predictions/midway", "x")
    assert (midway.chunks, midway.open) == ([b"a"], False)
    first = served.ask("POST", "/predictions/first", "x")
    assert (first.status, json.loads(first.body)["message"]) == (500, "Worker died.")
    assert all(handle.pins == 0 for handle in served.models.handles.values())


# Failures


def failing(error: DragomanError) -> Any:
    def fail(_: PayloadRequest) -> Parts:
        raise error

    return fail


@pytest.mark.parametrize(("error", "status", "kind", "message"), [
    (DragomanError(Code.INTERNAL, "too sad", status=513), 513, "InternalServerException", "too sad"),
    (DragomanError(Code.INVALID_ARGUMENT, "bad input here", status=422), 422, "InternalServerException",
     "bad input here"),
    (DragomanError(Code.UNAVAILABLE, "Prediction failed", status=503), 503, "InternalServerException",
     "Prediction failed"),
    (DragomanError(Code.INTERNAL, "odd", status=7), 500, "InternalServerException", "odd"),
    (DragomanError(Code.UNAVAILABLE, "down"), 503, "ServiceUnavailableException", "down"),
    (DragomanError(Code.DEADLINE_EXCEEDED, "late"), 504, "RequestTimeoutException", "late"),
])  # fmt: skip
def test_a_failure_is_told_with_the_number_that_the_models_code_chose(
    error: DragomanError, status: int, kind: str, message: str
) -> None:
    for dialect in DIALECTS:
        served = Served({"failing": failing(error)}, dialect)
        for path in ("/predictions/failing", "/explanations/failing"):
            answer = served.ask("POST", path, "x")
            assert answer.status == status
            assert json.loads(answer.body) == {"code": status, "type": kind, "message": message}
            assert answer.open is (dialect == "superset")


@pytest.mark.parametrize("reason", [Reason.QUEUE_FULL, Reason.NO_WORKER])
@pytest.mark.parametrize(("path", "quoted"), [("busy", '"busy"'), ("busy/1.0", '"busy" Version 1.0"')])
def test_nobody_having_time_is_told_in_the_references_words(reason: Reason, path: str, quoted: str) -> None:
    error = DragomanError(Code.RESOURCE_EXHAUSTED, "full", reason=reason, retry_after_s=0.5)
    answer = Served({"busy": failing(error)}).ask("POST", f"/predictions/{path}", "x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert json.loads(answer.body) == {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": f"Model {quoted} has no worker to serve inference request. Please use scale workers API "
        "to add workers. If this is a sequence inference, please check if it is closed, or expired; or "
        "exceeds maxSequenceJobQueueSize",
    }


@pytest.mark.parametrize(("path", "kind", "message"), [
    ("nope", "ModelNotFoundException", "Model not found: nope"),
    ("echo/9.9", "ModelVersionNotFoundException", "Model version: 9.9 does not exist for model: echo"),
    ("echo/%41", "ModelVersionNotFoundException", "Model version: A does not exist for model: echo"),
])  # fmt: skip
def test_what_there_is_not_is_told_in_the_references_words(
    served: Served, path: str, kind: str, message: str
) -> None:
    answer = served.ask("POST", f"/predictions/{path}", "x")
    assert (answer.status, json.loads(answer.body)) == (404, {"code": 404, "type": kind, "message": message})

"""TorchServe's management protocol: what requests ask, and how it is answered."""

import json
from typing import Any

import pytest

from dragoman.core.control import ControlResult, Register, Scale, SetDefault, Unregister
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.responses import PayloadResponse
from dragoman.core.status import (
    ModelStatus,
    State,
    StatusReport,
    VersionStatus,
    WorkersStatus,
    WorkerState,
    WorkerStatus,
)
from dragoman.core.terms import WorkTerms
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.management.changes import (
    encode_change,
    fail_change,
    parse_default,
    parse_register,
    parse_scale,
    parse_unregister,
)
from dragoman.protocols.torchserve.management.tokens import fail_renewal, parse_renewal
from dragoman.protocols.torchserve.management.views import described, page, question
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.protocols.torchserve.scene import READS

STRICT = Manner(strict=True)
JSON = [(b"Content-Type", b"application/json; charset=utf-8")]


def wire(query: str = "", body: bytes = b"", headers: Any = (), **params: str) -> WireRequest:
    return WireRequest("POST", "/models", query, list(headers), body, params)


def registered(query: str = "", body: bytes = b"", headers: Any = ()) -> Register:
    return parse_register(wire(query, body, headers), Limits())


def refused(call: Any) -> str:
    with pytest.raises(DragomanError) as told:
        call()
    assert told.value.code is Code.INVALID_ARGUMENT
    return told.value.message


def status_of(answer: WireResponse) -> tuple[int, str]:
    return answer.status, json.loads(bytes(answer.body))["status"]


def error_of(answer: WireResponse) -> tuple[int, str, str]:
    told = json.loads(bytes(answer.body))
    assert told["code"] == answer.status
    assert answer.keep_alive is False
    return told["code"], told["type"], told["message"]


def test_a_registration_says_what_the_query_says() -> None:
    query = (
        "url=a%20b.mar&model_name=m&handler=h.py:f&runtime=python3&batch_size=8&max_batch_delay=0"
        "&initial_workers=2&response_timeout=30&startup_timeout=0&synchronous=FALSE&s3_sse_kms=true"
    )
    assert registered(query) == Register("a b.mar", "m", "h.py:f", "python3", 2, 8, 0, 30, 0, waits=False)


def test_a_registration_waits_unless_it_says_otherwise() -> None:
    assert registered("url=a.mar") == Register("a.mar")
    assert not registered("url=a.mar&synchronous=-1").waits


def test_of_parameters_of_one_name_the_first_counts() -> None:
    assert registered("url=a.mar&url=b.mar").url == "a.mar"


def test_a_json_body_says_it_too_and_then_the_query_says_nothing() -> None:
    body = b'{"url": "a.mar", "batch_size": 8, "initial_workers": "3", "synchronous": false, "handler": null}'
    assert registered("url=b.mar&model_name=m", body, JSON) == Register(
        "a.mar", workers=3, batch_size=8, waits=False
    )
    assert registered("url=b.mar", body, [(b"content-type", b"text/plain")]).url == "b.mar"


@pytest.mark.parametrize("value", ["dd", "", "1.5", "0x8", "-3", "99999999999", "9" * 400, "\u0668", "1 2"])
def test_a_number_that_cannot_be_read_counts_as_not_given(value: str) -> None:
    names = ("batch_size", "max_batch_delay", "response_timeout", "startup_timeout")
    query = "&".join(f"{name}={value}" for name in names)
    made = registered("url=a.mar&" + query.encode().decode("latin-1"))
    assert made == Register("a.mar")


def test_fewer_initial_workers_than_none_are_none() -> None:
    assert registered("url=a.mar&initial_workers=-1").workers == 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Parameter url is required."),
        ("model_name=m", "Parameter url is required."),
        ("url=a.mar&runtime=python4", "Invalid RuntimeType value: python4"),
        (
            "url=a.mar&initial_workers=1001",
            "Parameter initial_workers has to be a number from 0 to 1000: 1001",
        ),
        ("url=" + "a" * 4097, "Parameter url has more than 4096 characters."),
        ("url=a%00.mar", "Parameter url holds control codes."),
        ("url=a.mar&model_name=a%0Ab", "Parameter model_name holds control codes."),
    ],
)
def test_a_registration_that_nothing_can_be_done_with_is_told(query: str, message: str) -> None:
    assert refused(lambda: registered(query)) == message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"a.mar"', b"null", b'{"url": ["a"]}', b'{"url": {}}'])
def test_a_body_that_is_no_json_object_of_texts_is_told(body: bytes) -> None:
    assert refused(lambda: registered("", body, JSON))


def test_workers_are_one_unless_a_number_is_given_and_at_most_as_many_as_at_least() -> None:
    def scaled(query: str) -> Scale:
        return parse_scale(wire(query, model="a%20b"), Limits())

    assert scaled("") == Scale("a b", 1, 1, waits=False)
    assert scaled("min_worker=nan&synchronous=nan") == Scale("a b", 1, 1, waits=False)
    assert scaled("min_worker=2&max_worker=5&synchronous=true") == Scale("a b", 2, 5, waits=True)
    assert scaled("min_worker=0") == Scale("a b", 0, 0, waits=False)
    for query in ("min_worker=2&max_worker=1", "max_worker=0"):
        assert refused(lambda query=query: scaled(query)) == "max_worker cannot be less than min_worker."
    for query in ("min_worker=-1", "max_worker=-1", "min_worker=5000"):
        assert "has to be a number from 0 to 1000" in refused(lambda query=query: scaled(query))


def test_versions_are_named_as_they_are_written() -> None:
    assert parse_default(wire(model="m", version="1.0%2Bcpu"), Limits()) == SetDefault("m", "1.0+cpu")
    assert parse_unregister(wire(model="m", version="2"), Limits()) == Unregister("m", "2")
    assert parse_unregister(wire(model="m"), Limits()) == Unregister("m", None)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            ControlResult(model="m", version_name="1.0", workers=2, request=Register("a.mar")),
            (200, 'Model "m" Version: 1.0 registered with 2 initial workers'),
        ),
        (
            ControlResult(model="m", version_name="1.0", request=Register("a.mar")),
            (
                200,
                'Model "m" Version: 1.0 registered with 0 initial workers. '
                "Use scale workers API to add workers for the model.",
            ),
        ),
        (
            ControlResult(pending=True, request=Register("a.mar", waits=False)),
            (202, "Processing worker updates..."),
        ),
        (
            ControlResult(model="m", workers=3, request=Scale("m", 3, 3)),
            (200, "Workers scaled to 3 for model: m"),
        ),
        (
            ControlResult(model="m", workers=1, version_name="2.0", request=Scale("m", 1, 1)),
            (200, "Workers scaled to 1 for model: m, version: 2.0"),
        ),
        (
            ControlResult(model="m", version_name="2.0", request=SetDefault("m", "2.0")),
            (200, 'Default version successfully updated for model "m" to "2.0"'),
        ),
        (
            ControlResult(model="m", version_name="2.0", request=Unregister("m", "2.0")),
            (200, 'Model "m" unregistered'),
        ),
    ],
)
def test_what_was_done_is_said_in_the_references_words(result: ControlResult, told: tuple[int, str]) -> None:
    assert status_of(encode_change(STRICT, result)) == told


@pytest.mark.parametrize(
    ("request_", "code", "reason", "message", "told"),
    [
        (
            Scale("m", 1, 1),
            Code.NOT_FOUND,
            Reason.MODEL_REMOVED,
            "x",
            (404, "ModelNotFoundException", "Model not found: m"),
        ),
        (
            Unregister("m", "9"),
            Code.NOT_FOUND,
            Reason.VERSION_UNKNOWN,
            "x",
            (404, "ModelVersionNotFoundException", "Model version: 9 does not exist for model: m"),
        ),
        (
            SetDefault("m", "9"),
            Code.NOT_FOUND,
            Reason.VERSION_UNKNOWN,
            "x",
            (404, "ModelVersionNotFoundException", "Model version 9 does not exist for model m"),
        ),
        (
            Unregister("m"),
            Code.FAILED_PRECONDITION,
            Reason.VERSION_DEFAULT,
            "Cannot remove",
            (403, "InvalidModelVersionException", "Cannot remove"),
        ),
        (
            Register("a"),
            Code.ALREADY_EXISTS,
            Reason.VERSION_REGISTERED,
            "it is",
            (409, "ConflictStatusException", "it is"),
        ),
        (
            Register("a"),
            Code.NOT_FOUND,
            Reason.URL_REFUSED,
            "empty url",
            (404, "ModelNotFoundException", "empty url"),
        ),
        (
            Register("a"),
            Code.INVALID_ARGUMENT,
            Reason.DOWNLOAD_FAILED,
            "Failed",
            (400, "DownloadArchiveException", "Failed"),
        ),
        (
            Register("a"),
            Code.INVALID_ARGUMENT,
            Reason.MANIFEST_MISSING,
            "x",
            (400, "InvalidModelException", "Model name is not defined."),
        ),
        (
            Register("a"),
            Code.INVALID_ARGUMENT,
            Reason.MANIFEST_MALFORMED,
            "a.mar is no manifest: it is not JSON",
            (400, "InvalidModelException", "Failed to parse signature.json."),
        ),
        (
            Register("a"),
            Code.INTERNAL,
            Reason.WORKERS_FAILED,
            "Failed to start",
            (500, "InternalServerException", "Failed to start"),
        ),
        (
            Register("a"),
            Code.UNIMPLEMENTED,
            Reason.REGISTRATION_OFF,
            "x",
            (
                405,
                "MethodNotAllowedException",
                "Requested method is not allowed, please refer to API document.",
            ),
        ),
        (None, Code.INVALID_ARGUMENT, None, "no url", (400, "BadRequestException", "no url")),
    ],
)
def test_what_failed_is_told_with_the_references_numbers_and_types(
    request_: Any, code: Code, reason: Reason | None, message: str, told: tuple[int, str, str]
) -> None:
    error = DragomanError(code, message, reason=reason)
    assert error_of(fail_change(STRICT, request_, error)) == told


def version(number: int, origin: str = "a.mar", state: State = State.READY, **more: Any) -> VersionStatus:
    return VersionStatus(number, state, name=f"{number}.0", origin=origin, **more)


def report(*models: ModelStatus) -> StatusReport:
    return StatusReport({model.name: model for model in models})


MANY = report(*(ModelStatus(f"m{number}", (version(1, f"{number}.mar"),)) for number in range(4)))


@pytest.mark.parametrize(
    ("limit", "offset", "names", "token"),
    [
        (2, None, ["m0", "m1"], "2"),
        (2, 2, ["m2", "m3"], "4"),
        (3, 2, ["m2", "m3"], None),
        (1, 99, [], None),
        (0, None, [], "0"),
        (-1, -1, ["m0", "m1", "m2", "m3"], None),
        (101, None, ["m0", "m1", "m2", "m3"], None),
    ],
)
def test_a_page_has_a_token_even_where_it_ends_at_the_end(
    limit: int, offset: int | None, names: list[str], token: str | None
) -> None:
    made = page(MANY, limit, offset)
    assert [one["modelName"] for one in made["models"]] == names
    assert made.get("nextPageToken") == token


def test_models_that_have_gone_are_neither_listed_nor_described() -> None:
    found = report(
        ModelStatus("gone", (version(1, state=State.GONE),)),
        ModelStatus("away", (version(1),), known=False),
        ModelStatus("kept", (version(1, "old.mar"), version(2, "new.mar")), default=1),
    )
    assert page(found, 100, 0)["models"] == [{"modelName": "kept", "modelUrl": "old.mar"}]
    for name in ("gone", "away", "never"):
        with pytest.raises(DragomanError, match=f"Model not found: {name}"):
            described(found, name, None)


def test_a_description_is_of_the_default_version_of_one_or_of_all() -> None:
    found = report(ModelStatus("m", (version(1), version(2), version(3, state=State.GONE)), default=1))
    assert [one["modelVersion"] for one in described(found, "m", None)] == ["1.0"]
    assert [one["modelVersion"] for one in described(found, "m", "2.0")] == ["2.0"]
    assert [one["modelVersion"] for one in described(found, "m", "all")] == ["1.0", "2.0"]
    for gone in ("3.0", "9.9"):
        with pytest.raises(DragomanError, match=f"Model version: {gone} does not exist for model: m"):
            described(found, "m", gone)


def test_workers_are_described_as_they_are() -> None:
    workers = (
        WorkerStatus("0", WorkerState.READY, 77, 1_700_000_000.123, 4096, 1),
        WorkerStatus("1", WorkerState.DOWN),
    )
    terms = WorkTerms(batch_size=8, queue=5, gpus=(0, 1))
    one = version(1, workers=lambda: WorkersStatus(1, 2, 2, workers, waiting=7, terms=terms), registered=True)
    (told,) = described(report(ModelStatus("m", (one,))), "m", None)
    assert (told["minWorkers"], told["maxWorkers"], told["batchSize"]) == (1, 2, 8)
    assert (told["deviceType"], told["deviceIds"], told["loadedAtStartup"]) == ("gpu", [0, 1], False)
    assert told["jobQueueStatus"] == {"remainingCapacity": 0, "pendingRequests": 7}
    assert told["workers"][0] == {
        "id": "9000",
        "startTime": "2023-11-14T22:13:20.123Z",
        "status": "READY",
        "memoryUsage": 4096,
        "pid": 77,
        "gpu": True,
        "gpuUsage": "N/A",
    }
    assert (told["workers"][1]["id"], told["workers"][1]["status"]) == ("9001", "UNLOADING")


@pytest.mark.parametrize(
    ("body", "told"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"text", {}), (b'"{}"', {}), (b"", None)],
)
def test_what_a_model_says_of_itself_is_told_if_it_is_an_object(body: bytes, told: Any) -> None:
    found = report(ModelStatus("m", (version(1),)))
    (one,) = described(found, "m", None, PayloadResponse(body))
    assert one.get("customizedMetadata") == told


def test_only_a_model_that_reads_bodies_is_asked_about_itself() -> None:
    reads = version(1, signatures={"serving_default": READS})
    found = report(ModelStatus("reads", (reads,)), ModelStatus("other", (version(1),)))
    asked = question(found, "reads", None)
    assert asked is not None
    assert getattr(asked.request, "headers", None) == {"describe": "True"}
    assert question(found, "other", None) is None


def test_the_token_api_says_nothing_but_that_a_key_is_wrong() -> None:
    asked = parse_renewal(wire("type=inference", headers=[(b"Authorization", b"Bearer x")]), Limits())
    assert (asked.use, asked.authorization) == ("inference", "Bearer x")
    assert "Bearer" not in repr(asked)
    error = DragomanError(Code.UNAUTHENTICATED, "Token Authentication failed.")
    assert error_of(fail_renewal(STRICT, asked, error)) == (
        400,
        "InvalidKeyException",
        "Token Authentication failed.",
    )

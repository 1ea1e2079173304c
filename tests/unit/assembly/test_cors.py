"""Answers that web pages may read."""

from dragoman.assembly.cors import HEADERS, headers_of, readable_by_pages, with_headers
from dragoman.core.errors import invalid
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.tfs import PROTOCOL
from dragoman.settings.server import CorsSettings
from dragoman.wire.messages import WireRequest, WireResponse

WIRE = WireRequest("GET", "/v1/models/m", "", [], b"", {"model": "m"})
REPORT = StatusReport({"m": ModelStatus("m", (VersionStatus(1, State.READY),))})
(SPEC,) = readable_by_pages([PROTOCOL], HEADERS)


def operations(spec):
    return [route.operation for route in spec.routes["tfserving"]]


def test_every_failure_has_the_headers():
    for operation in operations(SPEC):
        assert operation.fail(None, invalid("no")).headers[-3:] == HEADERS
    assert SPEC.refuse(WIRE, invalid("no")).headers[-3:] == HEADERS


def test_answers_have_them_once_each():
    for operation in operations(SPEC):
        if operation.name == "tfs.rest.status":
            for _ in range(2):
                headers = operation.answer(WIRE, REPORT).headers
                assert headers.count(HEADERS[0]) == 1


def test_an_operation_of_several_routes_stays_one():
    assert len(set(map(id, operations(SPEC)))) == len(set(map(id, operations(PROTOCOL))))


def test_the_protocol_itself_stays_as_it_is():
    assert operations(PROTOCOL)[0].fail(None, invalid("no")).headers == []


def test_a_listener_allows_everyone_no_one_or_whom_it_names():
    assert headers_of(True) == HEADERS
    assert headers_of(False) == []
    assert headers_of(CorsSettings(origin="https://shop.example", headers="X-Key")) == [
        (b"Access-Control-Allow-Origin", b"https://shop.example"),
        (b"Access-Control-Allow-Headers", b"X-Key"),
    ]


def test_what_an_answer_says_itself_stays():
    own = [(b"access-control-allow-origin", b"https://own.example")]
    answer = with_headers(HEADERS, lambda: WireResponse(200, headers=list(own)))
    assert answer().headers == [*own, *HEADERS[1:]]

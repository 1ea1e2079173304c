"""The router's table, its fall-backs and its refusals."""

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import StatusReport
from dragoman.settings.deployment import GRADIENT
from dragoman.transports.http.mounts import Mounts
from dragoman.transports.http.refusal import Refusal
from dragoman.transports.http.router import CACHED_ROUTES, Router
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Choice, HttpRoute, Operation, ProtocolSpec, StatusOperation

NUMBERS = {Code.NOT_FOUND: 404, Code.UNIMPLEMENTED: 405, Code.TOO_LARGE: 400}


def operation(name: str) -> StatusOperation:
    return StatusOperation(
        name, lambda wire, report: WireResponse(200), lambda draft, error: WireResponse(500)
    )


def spec(name: str, *routes: HttpRoute, prefixes: tuple[str, ...] = (), **dialects: tuple[HttpRoute, ...]):
    def refuse(wire: WireRequest, error: DragomanError) -> WireResponse:
        reason = error.reason.value if error.reason else "none"
        return WireResponse(NUMBERS[error.code], f"{name}: {error.code.value} {reason}".encode())

    return ProtocolSpec(name, prefixes, {"superset": routes, **dialects}, refuse)


def request(method: str = "GET", path: str = "/") -> WireRequest:
    return WireRequest(method, path, "", [], b"")


def refused(found: Operation, method: str, path: str) -> WireResponse:
    assert isinstance(found, StatusOperation)
    return found.answer(request(method, path), StatusReport())


STATUS, PREDICT, LIST = operation("status"), operation("predict"), operation("list")
TFS = spec(
    "tfs",
    HttpRoute("GET", "/v1/models/{model}", STATUS),
    HttpRoute("POST", "/v1/models/{model}:predict", PREDICT),
    prefixes=("/v1",),
)
ROUTER = Router([TFS], "superset")


def test_a_route_gives_its_operation_and_what_its_placeholders_stand_for():
    assert ROUTER.match("POST", "/v1/models/half:predict") == (PREDICT, {"model": "half"})
    assert ROUTER.match("GET", "/v1/models/half") == (STATUS, {"model": "half"})


def test_a_part_of_the_path_space_that_only_another_form_uses_is_left_to_others():
    routes = (HttpRoute("GET", "/v1/a", STATUS), HttpRoute("GET", "/openai/a", STATUS))
    openai = spec("openai", *routes, prefixes=("/v1/", "/openai/", "/mounted/"), kserve=routes[1:])
    router = Router([openai, spec("kserve", kserve=(), prefixes=("/v1/", "/mounted/"))], "kserve")
    owners = {"/v1/x": b"kserve", "/openai/x": b"openai", "/mounted/x": b"openai"}
    for path, owner in owners.items():
        assert bytes(refused(router.match("GET", path)[0], "GET", path).body).startswith(owner)


def test_the_dialect_s_own_routes_are_taken_where_it_has_any():
    strict = spec("tfs", HttpRoute("GET", "/a", STATUS), tfserving=(HttpRoute("GET", "/a", LIST),))
    assert Router([strict], "tfserving").match("GET", "/a")[0] is LIST
    assert Router([strict], "superset").match("GET", "/a")[0] is STATUS


def test_a_protocol_with_dialects_is_absent_from_listeners_in_another_s():
    strict = spec("tfs", HttpRoute("GET", "/a", STATUS), prefixes=("/v1",), tfserving=())
    router = Router([strict, spec("native", HttpRoute("GET", "/b", LIST))], "kserve")
    assert router.match("GET", "/a")[0].name == "http.refuse"
    assert router.match("GET", "/v1/models")[0].name == "http.refuse"
    assert router.match("GET", "/b")[0] is LIST


def test_a_dialect_without_routes_has_none():
    strict = spec("tfs", HttpRoute("GET", "/a", STATUS), tfserving=())
    assert Router([strict], "tfserving").match("GET", "/a")[0].name == "http.refuse"


@pytest.mark.parametrize("order", [1, -1])
def test_the_most_fixed_text_wins_whatever_the_order(order):
    routes = (
        HttpRoute("GET", "/v2/{rest:path}", STATUS),
        HttpRoute("GET", "/v2/models/{model}", PREDICT),
        HttpRoute("GET", "/v2/models/all", LIST),
    )
    router = Router([spec("v2", *routes[::order])], "superset")
    assert router.match("GET", "/v2/models/all")[0] is LIST
    assert router.match("GET", "/v2/models/x")[0] is PREDICT
    assert router.match("GET", "/v2/models/x/y")[0] is STATUS


def test_two_protocols_may_share_an_operation():
    other = spec("ovms", HttpRoute("GET", "/v1/models/{name}", STATUS))
    assert Router([TFS, other], "superset").match("GET", "/v1/models/a")[0] is STATUS


def test_two_protocols_that_claim_one_route_stop_the_start_and_are_named():
    other = spec("kserve", HttpRoute("GET", "/v1/models/{name}", LIST))
    with pytest.raises(ValueError, match=r"GET /v1/models/\{\} is a route of both tfs and kserve"):
        Router([TFS, other], "superset")


def test_an_arbiter_settles_a_route_that_two_protocols_claim():
    other = spec("kserve", HttpRoute("GET", "/v1/models/{name}", LIST))
    arbiters = {("GET", "/v1/models/{model}"): lambda owners: owners["kserve"]}
    assert Router([TFS, other], "superset", arbiters).match("GET", "/v1/models/a")[0] is LIST


def test_an_arbiter_is_not_asked_where_one_protocol_owns_the_path():
    arbiters = {("GET", "/v1/models/{model}"): lambda owners: owners["kserve"]}
    assert Router([TFS], "superset", arbiters).match("GET", "/v1/models/a")[0] is STATUS


def test_headers_choose_where_an_arbiter_leaves_it_to_them():
    other = spec("kserve", HttpRoute("GET", "/v1/models/{name}", LIST))
    arbiters = {
        ("GET", "/v1/models/{model}"): lambda owners: Choice(
            lambda headers: owners["kserve" if headers else "tfs"]
        )
    }
    router = Router([TFS, other], "superset", arbiters, Mounts([GRADIENT]))
    for path in ("/v1/models/a", "/model-serving/a"):
        assert router.route("GET", path, []).operation is STATUS
        assert router.route("GET", path, [(b"a", b"b")]).operation is LIST


def test_head_is_get_where_only_get_is_known():
    assert ROUTER.match("HEAD", "/v1/models/half")[0] is STATUS
    own = Router([spec("x", HttpRoute("GET", "/a", STATUS), HttpRoute("HEAD", "/a", LIST))], "superset")
    assert own.match("HEAD", "/a")[0] is LIST


def test_an_unknown_path_is_answered_by_the_protocol_that_owns_it():
    found, params = ROUTER.match("GET", "/v1/nothing")
    assert (found.name, params) == ("tfs.refuse", {})
    response = refused(found, "GET", "/v1/nothing")
    assert (response.status, response.body) == (404, b"tfs: NOT_FOUND route_unknown")


def test_the_longest_prefix_owns_a_path():
    inner = spec("inner", prefixes=("/v1/models",))
    router = Router([TFS, inner], "superset")
    assert router.match("GET", "/v1/models/a/b")[0].name == "inner.refuse"
    assert router.match("GET", "/v1/x")[0].name == "tfs.refuse"


def test_a_path_that_nobody_owns_is_answered_in_neutral_json():
    response = refused(ROUTER.match("GET", "/")[0], "GET", "/")
    assert (response.status, response.body) == (404, b'{"error":"no such route"}')


def test_a_known_path_under_another_method_is_405_with_allow():
    found, _ = ROUTER.match("DELETE", "/v1/models/half")
    response = refused(found, "DELETE", "/v1/models/half")
    assert (response.status, response.body) == (405, b"tfs: UNIMPLEMENTED method_not_allowed")
    assert response.headers == [(b"Allow", b"GET, HEAD")]


def test_allow_is_said_by_neutral_json_too():
    router = Router([spec("x", HttpRoute("POST", "/a", STATUS))], "superset")
    response = refused(router.match("GET", "/a")[0], "GET", "/a")
    assert (response.status, response.headers) == (405, [(b"Allow", b"POST")])


def test_a_failure_of_the_gateway_on_an_unknown_path_has_the_protocol_s_form():
    found, _ = ROUTER.match("GET", "/v1/nothing")
    error = DragomanError(Code.NOT_FOUND, "no", reason=Reason.ROUTE_UNKNOWN)
    assert found.fail(None, error).body == b"tfs: NOT_FOUND route_unknown"


def test_a_refusal_of_the_transport_has_the_protocol_s_form_and_the_transport_s_status():
    response = ROUTER.refuse(request(path="/v1/models/half"), Refusal(413, "too large"))
    assert (response.status, response.body) == (413, b"tfs: TOO_LARGE none")
    assert ROUTER.refuse(request(), Refusal(413, "too large")).body == b'{"error":"too large"}'


def test_resolved_routes_are_kept_within_bounds():
    router = Router([TFS], "superset")
    for number in range(2 * CACHED_ROUTES):
        router.match("GET", f"/v1/models/{number}")
    router.match("GET", "/v1/models/" + "x" * 10_000)
    assert len(router._resolved) <= CACHED_ROUTES
    assert not any(len(path) > 1000 for _, path, _ in router._resolved)

"""Prefixes of paths that lead to deployments."""

import pytest
from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.protocols import tfs
from dragoman.settings.deployment import GRADIENT, Deployment, Mount
from dragoman.transports.http.mounts import Mounted, Mounts
from dragoman.transports.http.router import Router
from dragoman.wire.messages import WireRequest, WireResponse

PLAIN = Deployment(name="dep", id="des1", model="digits")
PINNED = Deployment(name="pinned", model="digits", version=2)
SPACED = Deployment(name="a b", model="c d")


def mounts(*more: Mount) -> Mounts:
    made = Mounts((GRADIENT, *more))
    made.adopt({"dep": PLAIN, "des1": PLAIN, "pinned": PINNED, "a b": SPACED})
    return made


def led(made: Mounts, path: str) -> Mounted | None:
    """Where a path leads, whatever it was called on the way."""
    found = made.resolve(path)
    return found and replace(found, asked="", called="")


@pytest.mark.parametrize("name", ["dep", "des1"])
@pytest.mark.parametrize(
    "rest", ["", "/metadata", ":predict", "/versions/3:classify", "/labels/x", ":nonsense", "/a/b"]
)
def test_a_deployment_is_known_by_name_and_id(name: str, rest: str) -> None:
    found = led(mounts(), f"/model-serving/{name}{rest}")
    assert found == Mounted(f"/v1/models/digits{rest}", PLAIN)


def test_what_is_no_deployment_is_a_models_name() -> None:
    assert led(mounts(), "/model-serving/digits:predict") == Mounted("/v1/models/digits:predict")


def test_names_are_decoded_to_be_found_and_encoded_again() -> None:
    assert led(mounts(), "/model-serving/a%20b:predict") == Mounted("/v1/models/c%20d:predict", SPACED)
    assert led(mounts(), "/model-serving/x%2F..%2Fy") == Mounted("/v1/models/x%2F..%2Fy")
    assert led(mounts(), "/model-serving/%252e") == Mounted("/v1/models/%252e")


@pytest.mark.parametrize(
    "path", ["/", "/model-serving", "/model-serving/", "/v1/models/dep", "/Model-Serving/dep"]
)
def test_other_paths_belong_to_no_mount(path: str) -> None:
    assert mounts().resolve(path) is None


@pytest.mark.parametrize(
    ("rest", "inner"),
    [
        ("", "/versions/2"),
        (":predict", "/versions/2:predict"),
        ("/metadata", "/versions/2/metadata"),
        ("/versions/2:predict", "/versions/2:predict"),
        ("/versions/02", "/versions/02"),
    ],
)
def test_a_deployment_of_one_version_leads_to_it(rest: str, inner: str) -> None:
    assert led(mounts(), f"/model-serving/pinned{rest}") == Mounted(f"/v1/models/digits{inner}", PINNED)


@pytest.mark.parametrize(
    "rest", ["/versions/1", "/versions/1:predict", "/VERSIONS/22/metadata", "/labels/stable:predict"]
)
def test_another_version_is_not_there(rest: str) -> None:
    router = Router([tfs.PROTOCOL], "superset", mounts=mounts())
    route = router.route("GET", f"/model-serving/pinned{rest}", [])
    answer = route.operation.answer(WireRequest("GET", route.path, "", [], b""), StatusReport())
    assert answer.status == 404
    assert answer.body == b'{"error":"deployment pinned serves version 2 alone"}'


def test_a_route_is_found_behind_a_mount() -> None:
    router = Router([tfs.PROTOCOL], "superset", mounts=mounts())
    route = router.route("POST", "/model-serving/dep/versions/3:predict", [])
    assert route.operation.name == "tfs.rest.predict"
    assert route.params == {"deployment": "dep", "model": "digits", "version": "3"}
    assert (route.path, route.deployment) == ("/v1/models/digits/versions/3:predict", "dep")


def test_paths_without_a_mount_are_routed_as_ever() -> None:
    route = Router([tfs.PROTOCOL], "superset").route("GET", "/v1/models/digits", [])
    assert (route.operation.name, route.path, route.deployment) == (
        "v1.rest.status",
        "/v1/models/digits",
        "",
    )


def test_a_prefix_may_name_its_deployment_or_have_other_placeholders() -> None:
    made = mounts(
        Mount(prefix="/digits", deployment="dep"),
        Mount(prefix="/workspaces/{workspace}/deployments/{deployment}", target="/v1/models/{model}"),
    )
    assert led(made, "/digits:predict") == Mounted("/v1/models/digits:predict", PLAIN)
    assert made.resolve("/digitsx:predict") is None
    assert led(made, "/workspaces/7/deployments/des1") == Mounted("/v1/models/digits", PLAIN)


def test_what_a_path_was_and_how_it_names_the_deployment_is_kept() -> None:
    made = mounts(Mount(prefix="/digits", deployment="dep"), Mount(prefix="/serving", target="/"))
    found = made.resolve("/serving/model-serving/a%20b/x")
    assert found is not None
    assert (found.asked, found.called) == ("/model-serving/a%20b/x", "a%20b")
    found = made.resolve("/digits/x")
    assert found is not None
    assert (found.asked, found.called) == ("/digits/x", "")


def test_an_unknown_path_is_told_by_the_owner_of_what_was_asked() -> None:
    ours = replace(tfs.PROTOCOL, name="ours", prefixes=("/model-serving/",), routes={}, refuse=mine)
    router = Router([tfs.PROTOCOL, ours], "superset", mounts=mounts(Mount(prefix="/x/{deployment}")))
    for path, said in {"/model-serving/dep/a": b"mine", "/x/dep/a": b"Malformed request"}.items():
        route = router.route("POST", path, [])
        wire = WireRequest("POST", route.path, "", [], b"")
        assert said in bytes(route.operation.answer(wire, StatusReport()).body)


def mine(_: WireRequest, __: DragomanError) -> WireResponse:
    return WireResponse(404, b"mine")


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("/v2/models/m/infer", "/v2/models/m/infer"),
        ("/v1/models/m:predict", "/v1/models/m:predict"),
        ("/serving" * 10_000, "/serving" * 10_000),
    ],
)
def test_the_whole_server_may_lie_behind_a_prefix(rest: str, path: str) -> None:
    assert mounts(Mount(prefix="/serving", target="/")).resolve(f"/serving{rest}") == Mounted(path)


def test_other_mounts_are_found_behind_such_a_prefix() -> None:
    made = mounts(Mount(prefix="/teams/{team}", target="/"))
    assert led(made, "/teams/7/model-serving/dep:predict") == Mounted("/v1/models/digits:predict", PLAIN)
    assert made.resolve("/teams") is None
    assert made.resolve("/teams/7:predict") is None


@pytest.mark.parametrize(
    ("mount", "said"),
    [
        (Mount(prefix="/x/{deployment}", target="/"), "the whole server"),
        (Mount(prefix="/x", deployment="d", target="/"), "the whole server"),
        (Mount(prefix="digits", deployment="d"), "begins with /"),
        (Mount(prefix="/digits/", deployment="d"), "does not end with it"),
        (Mount(prefix="/digits"), "has {deployment}, or"),
        (Mount(prefix="/x/{deployment}", deployment="d"), "has {deployment}, or"),
        (Mount(prefix="/x/{deployment:colour}"), "no kind of placeholder"),
        (Mount(prefix="/{deployment}/{deployment}"), "redefinition"),
        (Mount(prefix="/x/{deployment}", target="v1"), "'v1' does not begin with /"),
    ],
)
def test_a_mount_that_cannot_be_is_refused(mount: Mount, said: str) -> None:
    with pytest.raises(DragomanError) as caught:
        Mounts([mount])
    assert said in caught.value.message
    assert repr(mount.prefix) in caught.value.message

"""Who answers on the paths that several protocols own."""

import pytest

from dragoman.assembly.builtin import protocols
from dragoman.assembly.collisions import ARBITERS
from dragoman.assembly.cors import HEADERS, readable_by_pages
from dragoman.settings.server import Dialect
from dragoman.transports.http.router import Router
from dragoman.wire.operation import in_dialect

EVENT = [(b"ce-id", b"1"), (b"ce-source", b"s"), (b"ce-specversion", b"1.0"), (b"ce-type", b"t")]
STRUCTURED = [(b"content-type", b"application/cloudevents+json")]
PREDICTS = ["/v1/models/m:predict", "/v1/models/m/versions/1:predict", "/v1/models/m/labels/l:predict"]


def router(dialect="superset"):
    return Router(protocols(), dialect, ARBITERS)


@pytest.mark.parametrize("dialect", [dialect.value for dialect in Dialect])
def test_all_protocols_together_can_be_served_in_every_dialect(dialect):
    router(dialect)


@pytest.mark.parametrize("dialect", [dialect.value for dialect in Dialect])
def test_and_so_they_can_with_answers_for_web_pages(dialect):
    Router(readable_by_pages(protocols(), HEADERS), dialect, ARBITERS)


@pytest.mark.parametrize("path", PREDICTS)
def test_predict_is_tensorflow_servings_unless_it_is_an_event(path):
    found = {
        name: router().route("POST", path, headers).operation.name
        for name, headers in {"plain": [], "binary": EVENT, "structured": STRUCTURED}.items()
    }
    assert found == {
        "plain": "tfs.rest.predict",
        "binary": "kserve_v1.rest.predict",
        "structured": "kserve_v1.rest.predict",
    }


@pytest.mark.parametrize("path", PREDICTS)
def test_a_strict_listener_has_one_codec_for_both(path):
    for headers in ([], EVENT):
        assert router("kserve").route("POST", path, headers).operation.name == "kserve_v1.rest.predict"
        assert router("tfserving").route("POST", path, headers).operation.name == "tfs.rest.predict"


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("superset", "v1.rest.status"),
        ("tfserving", "tfs.rest.status"),
        ("kserve", "kserve_v1.rest.ready"),
        ("ovms", "ovms.rest.status"),
    ],
)
def test_status_is_the_union_on_the_default_listener_only(dialect, name):
    assert router(dialect).route("GET", "/v1/models/m", []).operation.name == name


def test_every_arbiter_has_something_to_settle():
    unsettled = set(ARBITERS)
    for dialect in Dialect:
        claimed = {}
        for spec in protocols():
            for route in in_dialect(spec.routes, dialect.value):
                claimed.setdefault((route.method, route.template), set()).add(spec.name)
        unsettled -= {key for key in ARBITERS if len(claimed.get(key, ())) == 2}
    assert unsettled == set()

import pytest

from dragoman.wire.cloud_event import EventMode, event_mode

BINARY = [(b"Ce-Id", b"1"), (b"ce-source", b"s"), (b"CE-SpecVersion", b"1.0"), (b"ce-type", b"t")]
ORDINARY = [
    (b"Host", b"localhost"), (b"Content-Type", b"application/json"), (b"Content-Length", b"12"),
    (b"cease", b"x"), (b"ce", b"x"),
]  # fmt: skip


def test_four_headers_make_a_binary_event():
    assert event_mode([*ORDINARY, *BINARY, (b"ce-time", b"now")]) is EventMode.BINARY


@pytest.mark.parametrize("missing", range(4))
def test_three_of_them_make_none(missing):
    given = [header for index, header in enumerate(BINARY) if index != missing]
    assert event_mode([*ORDINARY, *given, given[0]]) is None


@pytest.mark.parametrize(
    "kind", [b"application/cloudevents+json", b"Application/CloudEvents+json ; charset=UTF-8"]
)
def test_the_media_type_makes_a_structured_event(kind):
    assert event_mode([(b"content-type", kind)]) is EventMode.STRUCTURED


@pytest.mark.parametrize("kind", [b"application/cloudevents-batch+json", b"application/json", b""])
def test_another_media_type_makes_none(kind):
    assert event_mode([(b"Content-Type", kind)]) is None


def test_headers_go_before_the_media_type():
    assert event_mode([(b"Content-Type", b"application/cloudevents+json"), *BINARY]) is EventMode.BINARY

"""Bodies as named parts."""

import pytest
import requests

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import PayloadPart
from dragoman.wire.forms import Form, caller_headers, last_of_each, read_form
from dragoman.wire.messages import WireRequest
from dragoman.wire.multipart import MAX_PARTS

URLENCODED = "application/x-www-form-urlencoded"


def form(body: bytes | bytearray | memoryview, content_type: str | None = None) -> Form:
    headers = [] if content_type is None else [(b"Content-Type", content_type.encode("latin-1"))]
    return read_form(WireRequest("POST", "/", "", headers, body))


def sent(**files: object) -> Form:
    """What a released client makes of these files and fields."""
    request = requests.Request("POST", "http://x/", **files).prepare()
    return form(request.body, request.headers["Content-Type"])


@pytest.mark.parametrize(("content_type", "told"), [
    (None, None),
    ("application/json", "application/json"),
    ("Application/JSON; charset=utf-8", "Application/JSON"),
    ("  text/plain ;x", "text/plain"),
    ("", None),
    ("multipart/form-data", "multipart/form-data"),
    ("multipart/form-data; boundary=", "multipart/form-data"),
    ("multipart/mixed; boundary=b", "multipart/mixed"),
])  # fmt: skip
def test_a_body_that_is_no_form_is_one_part_of_its_type_without_parameters(
    content_type: str | None, told: str | None
) -> None:
    assert form(b"\xff&=", content_type) == Form([PayloadPart("body", b"\xff&=", told)])


def test_a_body_that_is_no_form_is_not_copied() -> None:
    body = bytearray(b"large")
    assert form(body).parts[0].data is body


def test_each_part_of_a_form_is_one_and_only_files_have_types() -> None:
    found = sent(
        files={"data": ("a.bin", b"AAA\r\n--", "application/octet-stream"), "meta": ("m", b"{}", "a/b; c=d")},
        data={"note": "plain"},
    )
    assert found.kind == "multipart/form-data"
    assert found.parts == [
        PayloadPart("note", b"plain"),
        PayloadPart("data", b"AAA\r\n--", "application/octet-stream"),
        PayloadPart("meta", b"{}", "a/b"),
    ]


def test_a_part_without_a_file_name_has_no_type_whatever_it_says() -> None:
    body = (
        b"--b\r\nContent-Disposition: form-data; name=x\r\nContent-Type: application/json\r\n\r\n{}\r\n"
        b"--b\r\nContent-Disposition: form-data; name=y; filename=f\r\n\r\n\r\n--b--\r\n"
    )
    parts = [PayloadPart("x", b"{}"), PayloadPart("y", b"", "application/octet-stream")]
    assert form(body, "Multipart/Form-Data; Boundary=b").parts == parts
    assert form(memoryview(body), 'multipart/form-data; boundary="b"').parts == parts


@pytest.mark.parametrize("body", [b"", b"garbage", b"--b\r\n", b"--b--", b"--b\r\nX\r\n\r\nx\r\n--b--"])
def test_what_is_no_form_although_it_says_so_has_no_parts(body: bytes) -> None:
    assert form(body, "multipart/form-data; boundary=b").parts == []


def test_of_a_form_that_breaks_off_the_parts_count_that_came_whole() -> None:
    whole = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    for rest in (b"", b"--b\r\n", b'--b\r\nContent-Disposition: form-data; name="y"\r\n\r\n2', b"--bx"):
        found = form(whole + rest, "multipart/form-data; boundary=b").parts
        assert found in ([], [PayloadPart("x", b"1")])
        assert bool(found) is rest.startswith(b"--b\r\n")


def test_of_equal_names_all_are_read_and_the_last_one_can_be_taken() -> None:
    parts = sent(files=[("data", b"1"), ("more", b"2"), ("data", b"3")]).parts
    assert [bytes(part.data) for part in parts] == [b"1", b"2", b"3"]
    assert [(part.name, bytes(part.data)) for part in last_of_each(parts)] == [("data", b"3"), ("more", b"2")]


def test_fields_of_a_url_encoded_form_are_decoded() -> None:
    found = form(b"a=1+2%2B%zz&&b&c=%FF&a=x=y", f"{URLENCODED}; charset=utf-8")
    assert found.kind == URLENCODED
    assert found.parts == [
        PayloadPart("a", b"1 2+%zz"),
        PayloadPart("b", b""),
        PayloadPart("c", b"\xff"),
        PayloadPart("a", b"x=y"),
    ]


def test_a_form_of_very_many_parts_is_refused() -> None:
    fields = b"&".join(b"%d=" % number for number in range(MAX_PARTS + 1))
    part = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n"
    for body, content_type in (
        (fields, URLENCODED),
        (part * (MAX_PARTS + 1), "multipart/form-data; boundary=b"),
    ):
        with pytest.raises(DragomanError, match=r"more than|beyond a limit") as caught:
            form(body, content_type)
        assert caught.value.code is Code.INVALID_ARGUMENT


def test_headers_are_texts_spelt_as_they_came_and_the_last_of_equal_ones_counts() -> None:
    headers = [(b"X-My", b"1"), (b"x-my", b"2"), (b"X-My", b"\xe9")]
    assert caller_headers(headers) == {"X-My": "é", "x-my": "2"}

"""Names of members as places, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.repository.archives.paths import Places, place_of


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("echo.py", ("echo.py",)),
        ("a/b/c.txt", ("a", "b", "c.txt")),
        ("a/b/", ("a", "b")),
        ("./", ()),
        ("./MAR-INF/./MANIFEST.json", ("MAR-INF", "MANIFEST.json")),
        ("..data/...", ("..data", "...")),
        ("modèle/重み.pt", ("modèle", "重み.pt")),
    ],
)
def test_a_name_is_a_place_below_the_folder(name: str, place: tuple[str, ...]) -> None:
    assert place_of(name, "x.mar") == place


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../a", "has the component '..'"),
        ("a/../../b", "has the component '..'"),
        ("a/..", "has the component '..'"),
        ("/etc/passwd", "is absolute"),
        ("//host/share", "is absolute"),
        ("a//b", "has the component ''"),
        ("", "has the component ''"),
        ("..\\a", "holds a backslash"),
        ("a\\b", "holds a backslash"),
        ("C:/a", "is absolute"),
        ("c:a", "is absolute"),
        ("a\0b", "holds a NUL"),
        ("a/" + "n" * 256, "has a component of more than 255 bytes"),
        ("a/" * 65 + "b", "has more than 64 components"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_by_archive_and_name(name: str, why: str) -> None:
    with pytest.raises(DragomanError) as caught:
        place_of(name, "x.mar")
    error = caught.value
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, Reason.ARCHIVE_UNUSABLE)
    assert error.message == f"x.mar is not unpacked: the member {name[:200]!r} {why}"


@given(st.text())
def test_whatever_a_name_is_its_place_is_below_the_folder(name: str) -> None:
    try:
        place = place_of(name, "x.mar")
    except DragomanError:
        return
    assert all(part not in ("", ".", "..") and not set(part) & set("/\\\0") for part in place)


def taken(names: list[str], *, case_matters: bool = True) -> str:
    """Why the last of these names is refused."""
    places = Places("x.mar", case_matters=case_matters)
    *before, last = names
    for name in before:
        places.add(place_of(name, "x.mar"), name, is_folder=name.endswith("/"))
    with pytest.raises(DragomanError) as caught:
        places.add(place_of(last, "x.mar"), last, is_folder=last.endswith("/"))
    return caught.value.message.removeprefix("x.mar is not unpacked: the member ")


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "a"], "'a' is there twice"),
        (["a", "./a"], "'./a' is there twice"),
        (["a", "a/b"], "'a/b' lies below a file"),
        (["a", "a/"], "'a/' lies below a file"),
        (["a/b", "a"], "'a' is there twice"),
    ],
)
def test_a_place_has_one_member(names: list[str], why: str) -> None:
    assert taken(names) == why


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a.py", "A.py"], "'A.py' is there twice"),
        (["straße", "STRASSE"], "'STRASSE' is there twice"),
        (["é", "e\u0301"], "'e\u0301' is there twice"),
        (["a/b", "A/c"], "'A/c' differs from another by case alone"),
    ],
)
def test_names_that_differ_by_case_alone_are_one_where_the_file_system_has_it_so(
    names: list[str], why: str
) -> None:
    assert taken(names, case_matters=False) == why


def test_names_that_differ_by_case_are_two_where_case_matters() -> None:
    places = Places("x.mar")
    for name in ["a.py", "A.py", "b/c", "B/c", "b/", "b/d"]:
        places.add(place_of(name, "x.mar"), name, is_folder=name.endswith("/"))

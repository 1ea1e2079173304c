"""YAML text to structs, and every mistake at once."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from dragoman.core.errors import Code, DragomanError
from dragoman.settings.yaml_document import MOST_BYTES, read_document


class Part(Struct, frozen=True):
    size: int
    kind: Literal["big", "small"] = "big"


class Whole(Struct, frozen=True):
    name: str = "none"
    parts: dict[str, Part] = field(default_factory=dict)
    row: list[Part] = field(default_factory=list)
    sizes: tuple[int, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    share: float | None = None


def read(text: str) -> Whole:
    return read_document(text, "w.yaml", Whole)


def mistakes(text: str) -> list[str]:
    with pytest.raises(DragomanError) as caught:
        read(text)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message.splitlines()


def test_every_kind_of_value_is_read() -> None:
    text = """
name: "yes"
parts: {a: {size: 1}, b: {size: 2, kind: small}}
row:
  - size: 3
sizes: [1, 2]
extra: {when: 2024-01-01, on_: true, nothing: ~, deep: [{x: 1.5}]}
share: 0.5
"""
    assert read(text) == Whole(
        name="yes",
        parts={"a": Part(1), "b": Part(2, "small")},
        row=[Part(3)],
        sizes=(1, 2),
        extra={"when": "2024-01-01", "on_": True, "nothing": None, "deep": [{"x": 1.5}]},
        share=0.5,
    )


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "{}"])
def test_an_empty_document_gives_the_defaults(text: str) -> None:
    assert read(text) == Whole()


def test_every_mistake_is_told_at_once_with_its_line_and_key() -> None:
    text = """nme: x
parts:
  a: {size: large}
  b: {kind: medium, size: 1}
  c: {}
sizes: [1, two]
share: [1]
extra: 7
row: {size: 1}
"""
    assert mistakes(text) == [
        "w.yaml:1: nme: there is no such key; did you mean name?",
        "w.yaml:3: parts.a.size: expected int, got text",
        "w.yaml:4: parts.b.kind: 'medium' is not one of big, small",
        "w.yaml:5: parts.c.size: this key is required",
        "w.yaml:6: sizes[1]: expected int, got text",
        "w.yaml:7: share: expected float | null, got a list",
        "w.yaml:8: extra: expected a mapping, got int",
        "w.yaml:9: row: expected a list, got a mapping",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: a\nname: b", "w.yaml:2: name: this key stands in line 1 already"),
        ("extra:\n  a: 1\n  a: 2", "w.yaml:3: extra.a: this key stands in line 2 already"),
        ("extra: {q: {a: 1, 'a': 2}}", "w.yaml:1: extra.q.a: this key stands in line 1 already"),
        ("parts: {1: {size: 1}}", "w.yaml:1: parts.1: a key must be text: put it in quotes"),
        ("extra: {no: 1}", "w.yaml:1: extra.no: a key must be text: put it in quotes"),
        ("extra: {? [a] : 1}", "w.yaml:1: extra.?: a key must be text: put it in quotes"),
        ("extra: {<<: {a: 1}}", "w.yaml:1: extra.<<: merge keys are not supported"),
        ("- name", "w.yaml:1: a mapping is expected, with keys such as name"),
        ("parts: {a: 3}", "w.yaml:1: parts.a: a mapping is expected, with keys such as size"),
        (
            "extra: {a: !!python/name:os.system x}",
            "w.yaml:1: extra.a: tag:yaml.org,2002:python/name:os.system",
        ),
        ("extra: {a: !!binary aGk=}", "w.yaml:1: extra.a: tag:yaml.org,2002:binary is not supported"),
        ("share: !!int half", "w.yaml:1: share: 'half' is no int"),
        ("a: b: c", "w.yaml:1: mapping values are not allowed here"),
        ("name: x\n---\nname: y", "w.yaml:2: but found another document"),
        ("name: [", "w.yaml:1: expected the node content"),
        ("name: *nobody", "w.yaml:1: found undefined alias 'nobody'"),
        ("name: \x00", "w.yaml: this is not YAML: special characters are not allowed"),
    ],
)
def test_a_mistake_names_its_line(text: str, line: str) -> None:
    assert mistakes(text)[0].startswith(line)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert mistakes(f"extra: {opening * 20_000}")[0].endswith(("deep", "not allowed here"))


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    text = "extra:\n" + "\n".join(f"  {line}" for line in lines)
    assert "more than 100000 values, aliases expanded" in mistakes(text)[0]


def test_an_alias_to_what_holds_it_is_refused() -> None:
    assert mistakes("extra: &e {again: *e}") == ["w.yaml:1: nested more than 64 deep"]


def test_a_large_file_is_refused_before_it_is_read() -> None:
    assert mistakes("#" * (MOST_BYTES + 1)) == [f"w.yaml: the file is larger than {MOST_BYTES} bytes"]


def test_a_hundred_mistakes_are_not_all_printed() -> None:
    assert len(mistakes("\n".join(f"k{n}: 1" for n in range(100)))) == 20


@given(st.text(alphabet="ab: -[]{}&*!<?|>'\"#%\n\t0\x85\udc80", max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read(text)
    except DragomanError as error:
        assert error.message.startswith("w.yaml:")  # noqa: PT017 (either outcome is right)


def test_of_several_types_a_node_is_read_as_the_one_whose_form_it_has() -> None:
    class Mixed(Struct, frozen=True):
        one: Part | tuple[Part, ...] = ()
        any_of: dict[str, Part | tuple[Part, ...]] = field(default_factory=dict)

    def read_mixed(text: str) -> Mixed:
        return read_document(text, "w.yaml", Mixed, {Part: lambda value: {"size": int(value)}})

    text = "one: [{size: 1}, 2]\nany_of: {a: {size: 3}, b: 4, c: [5]}"
    assert read_mixed(text) == Mixed((Part(1), Part(2)), {"a": Part(3), "b": Part(4), "c": (Part(5),)})
    with pytest.raises(DragomanError) as caught:
        read_mixed("one: [{size: x}]\nany_of: {a: {size: y}, c: [{}]}")
    assert caught.value.message.splitlines() == [
        "w.yaml:1: one[0].size: expected int, got text",
        "w.yaml:2: any_of.a.size: expected int, got text",
        "w.yaml:2: any_of.c[0].size: this key is required",
    ]

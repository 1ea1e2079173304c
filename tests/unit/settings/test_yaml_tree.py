"""A YAML document as plain data, with the line of each key."""

import enum

import pytest
from msgspec import UNSET, Struct, UnsetType

from dragoman.core.errors import DragomanError
from dragoman.settings.model import BatchingSettings, VersionPolicy
from dragoman.settings.model_document import SHORT_FORMS
from dragoman.settings.yaml_document import read_tree


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Part(Struct):
    name: str
    size: int = 3


class Whole(Struct):
    parts: tuple[Part, ...] = ()
    colour: Colour = Colour.RED
    versions: VersionPolicy | UnsetType = UNSET
    batching: BatchingSettings | UnsetType | None = UNSET
    words: str | tuple[str, ...] = ()


def tree(text):
    return read_tree(text, "f.yaml", Whole, SHORT_FORMS)


def mistakes(text):
    with pytest.raises(DragomanError) as raised:
        tree(text)
    return raised.value.message.splitlines()


def test_only_what_is_written_is_in_the_tree():
    assert tree("parts:\n- name: a\n").tree == {"parts": [{"name": "a"}]}


def test_an_empty_document_says_nothing():
    assert tree("# nothing\n").tree == {}


def test_every_key_has_its_line():
    lines = tree("colour: blue\nparts:\n- name: a\n  size: 4\n").lines
    assert lines == {"colour": 1, "parts": 2, "parts[0].name": 3, "parts[0].size": 4}


def test_a_short_form_is_written_out():
    written = {"latest": 1, "all": True, "specific": (), "fall_back": False, "default": "", "first": False}
    assert tree("versions: all\n").tree == {"versions": written}


def test_a_value_of_several_types_is_read_as_the_one_that_it_has():
    assert tree("words: a").tree == {"words": "a"}
    assert tree("words: [a, b]").tree == {"words": ["a", "b"]}
    assert tree("batching: null").tree == {"batching": None}
    assert tree("batching: {max_size: 2}").tree == {"batching": {"max_size": 2}}


def test_a_mistake_inside_a_value_of_several_types_has_its_own_line():
    assert mistakes("batching:\n  max_size: 2\n  pat: true\n") == [
        "f.yaml:3: batching.pat: there is no such key; did you mean pad?"
    ]


def test_a_word_that_is_none_of_the_known_ones_is_told_with_them():
    assert mistakes("colour: green") == ["f.yaml:1: colour: 'green' is not one of red, blue"]

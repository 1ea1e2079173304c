"""Protobuf's text format."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.text_message import Field, Message, Type
from dragoman.config.text_proto import MOST_DEPTH, read_text_proto
from dragoman.core.errors import Code, DragomanError

INNER = {"size": Field(Type.INT64), "label": Field(Type.STRING)}
FIELDS = {
    "name": Field(Type.STRING),
    "small": Field(Type.INT32),
    "count": Field(Type.INT64, repeated=True),
    "large": Field(Type.UINT64),
    "ratio": Field(Type.DOUBLE),
    "on": Field(Type.BOOL),
    "colour": Field(Type.NAME, names=("RED", "BLUE")),
    "one": Field(Type.MESSAGE, fields=INNER),
    "many": Field(Type.MESSAGE, repeated=True, fields=INNER),
    "any": Field(Type.ANY),
    "left": Field(Type.MESSAGE, choice="side"),
    "right": Field(Type.MESSAGE, choice="side"),
}


def read(text):
    return read_text_proto(text, "f.config", FIELDS)


def plain(message: Message):
    """The values alone, each field as a list."""
    return {
        name: [plain(g.value) if isinstance(g.value, Message) else g.value for g in values]
        for name, values in message.given.items()
    }


def mistake(text):
    with pytest.raises(DragomanError) as raised:
        read(text)
    assert raised.value.code is Code.INVALID_ARGUMENT
    return raised.value.message


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# only a comment", {}),
        ('name: "a"', {"name": ["a"]}),
        ("name: 'a'", {"name": ["a"]}),
        ('name "a"', {"name": ["a"]}),
        ('name: "a" "b"\n\'c\'', {"name": ["abc"]}),
        ('name: "a#b" # c', {"name": ["a#b"]}),
        (r'name: "\n\t\"\\\x41\101\u00e9\U0001F600"', {"name": ['\n\t"\\AAé😀']}),
        (r"name: '\303\251'", {"name": ["é"]}),
        ("count: 1 count: 2", {"count": [1, 2]}),
        ("count: [1, 2] count: 3", {"count": [1, 2, 3]}),
        ("count: []", {"count": []}),
        ("count: 0x1F, count: 017; count: -0", {"count": [31, 15, 0]}),
        ("count: -9223372036854775808", {"count": [-(2**63)]}),
        ("large: 18446744073709551615", {"large": [2**64 - 1]}),
        ("ratio: -1.5e3f", {"ratio": [-1500.0]}),
        ("ratio: .5", {"ratio": [0.5]}),
        ("ratio: -inf", {"ratio": [-math.inf]}),
        ("ratio: 3", {"ratio": [3.0]}),
        ("on: true", {"on": [True]}),
        ("on: f", {"on": [False]}),
        ("on: 1", {"on": [True]}),
        ("colour: BLUE", {"colour": ["BLUE"]}),
        ("colour: 0", {"colour": ["RED"]}),
        ("one { size: 1 }", {"one": [{"size": [1]}]}),
        ("one: < size: 1 >", {"one": [{"size": [1]}]}),
        ("one {}", {"one": [{}]}),
        ("many { size: 1 } many: [{}, <label: 'x'>]", {"many": [{"size": [1]}, {}, {"label": ["x"]}]}),
        ("any { [type.example/foo.Bar] { x: [1, {y: 'z'}] } n: 1 } on: true", {"any": [{}], "on": [True]}),
        ("left {}", {"left": [{}]}),
    ],
)
def test_a_text_means_these_values(text, values):
    assert plain(read(text)) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam: 1", "f.config:1: there is no field 'nam' here; there is " + ", ".join(FIELDS)),
        ("one {\n sise: 1 }", "f.config:2: there is no field 'sise' here; there is size, label"),
        ('\n\nname: "a', "f.config:3: the string that begins here does not end in its line"),
        ('name: "a\n"', "f.config:1: the string that begins here does not end in its line"),
        ('name: "a" name: "b"', "f.config:1: name is given already, in line 1"),
        ("left {} right {}", "f.config:1: right is given along with left: give one"),
        ("name: 3", "f.config:1: name takes a string, and not '3'"),
        ('name: ["a"]', "f.config:1: name takes one value, not a list"),
        ("count: 1.5", "f.config:1: count takes a 64-bit integer, and not '1.5'"),
        ("count: 08", "f.config:1: count takes a 64-bit integer, and not '08'"),
        (
            "count: 9223372036854775808",
            "f.config:1: count takes a 64-bit integer, and not '9223372036854775808'",
        ),
        ("small: 2147483648", "f.config:1: small takes a 32-bit integer, and not '2147483648'"),
        ("large: -1", "f.config:1: large takes an unsigned 64-bit integer, and not '1'"),
        ("count: " + "1" * 5000, "f.config:1: count takes a 64-bit integer, and not '" + "1" * 40 + "'"),
        ("on: yes", "f.config:1: on takes true or false, and not 'yes'"),
        ("colour: GREEN", "f.config:1: colour takes one of RED, BLUE, and not 'GREEN'"),
        ("ratio: many", "f.config:1: ratio takes a number, and not 'many'"),
        ("ratio: 1e", "f.config:1: '1e' is no number"),
        ("count: 12ab", "f.config:1: '12ab' is no number"),
        ("one: 3", "f.config:1: '{' is expected after one, and not '3'"),
        ("one {\n\n", "f.config:3: the '{' of line 1 is not closed"),
        ("any {\n { }", "f.config:2: the '{' of line 1 is not closed"),
        ("any { > }", "f.config:1: '>' closes nothing"),
        ("one < size: 1 }", "f.config:1: a field's name is expected, and not '}'"),
        ("}", "f.config:1: a field's name is expected, and not '}'"),
        ("name:", "f.config:1: name takes a string, and not the end of the file"),
        ("count: [1 2]", "f.config:1: ',' or ']' is expected, and not '2'"),
        ("count: [1,", "f.config:1: count takes a 64-bit integer, and not the end of the file"),
        (r'name: "\q"', r"f.config:1: there is no escape '\\q'"),
        (r'name: "\777"', r"f.config:1: there is no escape '\\777'"),
        (r'name: "\ud800"', r"f.config:1: there is no escape '\\ud800'"),
        (r'name: "\xff"', "f.config:1: the string is not UTF-8"),
        ("name: $", "f.config:1: '$' does not belong here"),
        ("été: 1", "f.config:1: 'é' does not belong here"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, message):
    assert mistake(text) == message


def test_values_know_their_lines():
    message = read("name: 'a'\ncount: 1\n\ncount: 2\none {\n size: 3 }")
    assert {name: [given.line for given in values] for name, values in message.given.items()} == {
        "name": [1],
        "count": [2, 4],
        "one": [5],
    }
    assert message.message("one").given["size"][0].line == 6


def test_messages_nest_only_so_deep():
    loop = {}
    loop["inner"] = Field(Type.MESSAGE, fields=loop)
    fine = "inner {" * (MOST_DEPTH - 1) + "}" * (MOST_DEPTH - 1)
    read_text_proto(fine, "f", loop)
    with pytest.raises(DragomanError, match=f"nested more than {MOST_DEPTH} deep"):
        read_text_proto("inner {" * 100_000, "f", loop)


def test_a_message_of_any_kind_may_nest_as_it_likes():
    assert plain(read("any " + "{" * 50_000 + "}" * 50_000)) == {"any": [{}]}


def test_what_is_not_given_has_its_default():
    message = read("")
    assert (
        message.text("name", "x"),
        message.number("small", 3),
        message.flag("on"),
        message.message("one"),
    ) == (
        "x",
        3,
        False,
        None,
    )
    assert "name" not in message
    assert message.messages("many") == []


# What a printer of the format may write for a value; any of it reads as that value.
def quoted(text):
    marks = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
    return '"' + "".join(marks.get(c, c if c.isprintable() else escape(c)) for c in text) + '"'


def escape(character):
    return "".join(f"\\{byte:03o}" for byte in character.encode())


def printed(message):
    lines = []
    for name, values in message.items():
        for value in values:
            if isinstance(value, dict):
                lines.append(f"{name} {{\n{printed(value)}\n}}")
            elif isinstance(value, bool):
                lines.append(f"{name}: {str(value).lower()}")
            elif isinstance(value, str) and name != "colour":
                lines.append(f"{name}: {quoted(value)}")
            else:
                lines.append(f"{name}: {value!r}" if not isinstance(value, str) else f"{name}: {value}")
    return "\n".join(lines)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
INT64 = st.integers(-(2**63), 2**63 - 1)
INNERS = st.fixed_dictionaries({}, optional={"size": st.tuples(INT64), "label": st.tuples(TEXTS)})
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.tuples(TEXTS),
        "count": st.lists(INT64, min_size=1),
        "ratio": st.tuples(st.floats(allow_nan=False)),
        "on": st.tuples(st.booleans()),
        "colour": st.tuples(st.sampled_from(["RED", "BLUE"])),
        "one": st.tuples(INNERS),
        "many": st.lists(INNERS, min_size=1),
    },
)


def as_lists(message):
    return {
        name: [as_lists(value) if isinstance(value, dict) else value for value in values]
        for name, values in message.items()
    }


@given(MESSAGES)
def test_what_is_printed_reads_as_it_was(message):
    assert plain(read(printed(message))) == as_lists(message)


@given(MESSAGES, st.data())
def test_a_text_that_is_cut_off_reads_or_is_refused(message, data):
    text = printed(message)
    cut = text[: data.draw(st.integers(0, len(text)))]
    try:
        read(cut)
    except DragomanError as error:
        assert error.message.startswith("f.config:")  # noqa: PT017 (no error is fine too)


@given(st.text("nameocut:{}<>[]\"'\\,;# \n012x.-", max_size=60))
def test_any_text_reads_or_is_refused(text):
    try:
        read(text)
    except DragomanError as error:
        assert error.message.startswith("f.config:")  # noqa: PT017 (no error is fine too)

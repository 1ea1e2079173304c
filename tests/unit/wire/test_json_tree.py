import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError
from dragoman.wire.json_exact import JsonValue, parse_exactly
from dragoman.wire.json_tree import dump, excerpt, load, type_word

DEPTH = 1_000_000

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)
# Pieces of JSON in any order: mostly nonsense, and often nearly right.
SCRAPS = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ",", ":", '"a"', '"b"', "1", "-0", "2.5", "1e3", "1e999", "01", "-Inf"]
    )
    | st.sampled_from(["true", "null", "NaN", "Infinity", '"', "\\", "\x01", "é", " ", "\n", '"\\u00e9"'])
    | st.sampled_from(['"\\ud83d\\ude00"', '"\\ud83d"']),
    max_size=12,
)


def message_of(body: bytes, depth: int = DEPTH) -> str:
    with pytest.raises(DragomanError) as caught:
        load(body, depth)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def outcome(body: bytes) -> tuple[JsonValue, str | None]:
    """What the body reads as, or the message with which it is refused."""
    try:
        return load(body, DEPTH), None
    except DragomanError as error:
        return None, error.message


def exactly_alike(one: JsonValue, other: JsonValue) -> bool:
    """Equal, with equal types all the way down, and NaN equal to itself."""
    return repr(one) == repr(other)


@given(TREES, st.sampled_from([None, 1, "\t"]))
def test_fast_and_exact_parsers_give_the_same_tree(tree: JsonValue, indent: int | str | None) -> None:
    body = json.dumps(tree, indent=indent).encode()
    assert exactly_alike(load(body, DEPTH), parse_exactly(body, DEPTH))


@given(SCRAPS)
def test_what_the_fast_parser_takes_the_exact_one_takes_alike(scraps: list[str]) -> None:
    body = "".join(scraps).encode()
    taken, fault = outcome(body)
    if fault is None:
        assert exactly_alike(taken, parse_exactly(body, DEPTH))
    else:
        assert fault.startswith("JSON Parse error: ")


@given(st.binary(max_size=40))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    _, fault = outcome(body)
    assert fault is None or fault.startswith("JSON Parse error: ")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[NaN]", [math.nan]),
        (b"[1, Infinity , -Infinity,2.5]", [1, math.inf, -math.inf, 2.5]),
        (b"[Inf,-Inf]", [math.inf, -math.inf]),
        (b'[NaN,"a",null]', [math.nan, "a", None]),
        (b"NaN", math.nan),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"a":1} and more', {"a": 1}),
        (b'{"a":1}\xff', {"a": 1}),
        (b'{"a":1}{"b":2}', {"a": 1}),
        (b'{"a":1,"a":2}', {"a": 1}),
        (b'[{"a":{"b":1,"b":2}}]', [{"a": {"b": 1}}]),
        (b'{"u":"http://x:1/","v":"\\":"}', {"u": "http://x:1/", "v": '":'}),
        (b'{"u":"http://x:1/","u":"a:b"}', {"u": "http://x:1/"}),
        (b'[{"a":"x:y"},1,{"a":1,"a":2}]', [{"a": "x:y"}, 1, {"a": 1}]),
        (b"[18446744073709551615,-9223372036854775808]", [18446744073709551615, -9223372036854775808]),
        (b"[18446744073709551616 ,NaN]", [1.8446744073709552e19, math.nan]),
        (b"[-9223372036854775809]x", [-9.223372036854776e18]),
        (b"[-0,-0.0]x", [0, -0.0]),
        (b"[1e-400]x", [0.0]),
        (b'["\\u00e9\\ud83d\\ude00\\n\\u0000"]x', ["é😀\n\0"]),
        ('["é😀"]x'.encode(), ["é😀"]),
        (b'{"":[],"a":{}} x', {"": [], "a": {}}),
        (b" [ ] x", []),
    ],
)
def test_documents_read_as_tensorflow_serving_reads_them(body: bytes, value: JsonValue) -> None:
    assert exactly_alike(load(body, DEPTH), value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The document is empty"),
        (b" \n", "The document is empty"),
        (b"\xef\xbb\xbf", "The document is empty"),
        (b"[nan]", "Invalid value. at offset: 1"),
        (b"[Nan]", "Invalid value. at offset: 1"),
        (b"[+1]", "Invalid value. at offset: 1"),
        (b"[.5]", "Invalid value. at offset: 1"),
        (b"[1,]", "Invalid value. at offset: 3"),
        (b"[-]", "Invalid value. at offset: 1"),
        (b"[-NaN]", "Invalid value. at offset: 1"),
        (b"[// a\n1]", "Invalid value. at offset: 1"),
        (b"[tru]", "Invalid value. at offset: 1"),
        (b"[1.]", "Miss fraction part in number. at offset: 2"),
        (b"[1e]", "Miss exponent in number. at offset: 2"),
        (b"[01]", "Missing a comma or ] after an array element. at offset: 2"),
        (b"[1 2]", "Missing a comma or ] after an array element. at offset: 3"),
        (b"[1.0, 2.0", "Missing a comma or ] after an array element. at offset: 9"),
        (b"[NaN Infinity]", "Missing a comma or ] after an array element. at offset: 5"),
        (b"[1e400]", "Number too big to be stored in double. at offset: 1"),
        (b"[1" + b"0" * 400 + b"]", "Number too big to be stored in double. at offset: 1"),
        (b"{'a':1}", "Missing a name for object member. at offset: 1"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b'{"a"', "Missing a colon after a name of object member. at offset: 4"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a":1 "b":2}', "Missing a comma or } after an object member. at offset: 7"),
        (b'["a', "Missing a closing quotation mark in string. at offset: 1"),
        (b'["a\\', "Missing a closing quotation mark in string. at offset: 1"),
        (b'["a\x01"]', "Invalid encoding in string. at offset: 3"),
        (b'["a\xff"]', "Invalid encoding in string. at offset: 3"),
        (b'["\\n\xff"]', "Invalid encoding in string. at offset: 4"),
        (b'["\\x"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\\\\\u12"]', "Incorrect hex digit after \\u escape in string. at offset: 4"),
        (b'["\\ud800"]', "The surrogate pair in string is invalid. at offset: 1"),
        (b'["\\udc00\\ud800"]', "The surrogate pair in string is invalid. at offset: 1"),
    ],
)
def test_what_is_no_json_is_refused_with_reason_and_offset(body: bytes, reason: str) -> None:
    assert message_of(body) == f"JSON Parse error: {reason}"


@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_hundred_thousand_levels_are_read_without_recursion(brackets: tuple[bytes, bytes]) -> None:
    opening, closing = brackets
    value = load(opening * 100_000 + b"1" + closing * 100_000, DEPTH)
    depth = 0
    while isinstance(value, list | dict):
        depth += 1
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    assert depth == 100_000


def test_half_a_million_levels_that_never_end_are_an_error() -> None:
    assert message_of(b"[" * 500_000) == "JSON Parse error: Invalid value. at offset: 500000"


@pytest.mark.parametrize("depth", [1, 2, 1500])
def test_nesting_beyond_the_limit_is_refused(depth: int) -> None:
    load(b"[" * depth + b"]" * depth, depth)
    deeper = b"[" * (depth + 1) + b"]" * (depth + 1)
    assert message_of(deeper, depth) == f"the JSON document is nested more than {depth} levels deep"


def test_a_million_empty_lists_are_read() -> None:
    value = load(b"[" + b"[]," * 1_000_000 + b"NaN]", DEPTH)
    assert isinstance(value, list)
    assert len(value) == 1_000_001


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_body_may_be_any_kind_of_bytes(kind: type) -> None:
    assert load(kind(b'{"a":[1]}'), DEPTH) == {"a": [1]}
    assert load(kind(b'{"a":[1]} x'), DEPTH) == {"a": [1]}


@given(TREES)
def test_an_excerpt_of_a_small_value_is_its_json(tree: JsonValue) -> None:
    value = load(json.dumps(tree).encode(), DEPTH)
    text = excerpt(value)
    assert len(text) <= 256
    if len(text) < 256:
        assert exactly_alike(load(text.encode(), DEPTH), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5], "b": {}}, '{"a":[1,2.5],"b":{}}'),
        ([math.nan, math.inf, -math.inf], "[NaN,Infinity,-Infinity]"),
        ('say "é"', '"say \\"é\\""'),
    ],
)
def test_an_excerpt_is_printed_compactly(value: JsonValue, text: str) -> None:
    assert excerpt(value) == text


def test_an_excerpt_of_something_huge_or_deep_is_cut_short() -> None:
    deep: JsonValue = []
    for _ in range(100_000):
        deep = [deep]
    assert excerpt(deep) == "[" * 256
    assert excerpt([1] * 1_000_000) == ("[" + "1," * 200)[:256]
    assert excerpt("x" * 1_000_000) == '"' + "x" * 255


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "Null"),
        (True, "True"),
        (False, "False"),
        ({}, "Object"),
        ([], "Array"),
        ("", "String"),
        (1, "Number"),
        (1.5, "Number"),
    ],
)
def test_types_have_the_references_words(value: JsonValue, word: str) -> None:
    assert type_word(value) == word


def test_trees_are_written_compactly() -> None:
    assert dump({"a": [1, 2.0, "é"]}) == '{"a":[1,2.0,"é"]}'.encode()


@pytest.mark.parametrize("body", [b'{"a":1} ', b"\xef\xbb\xbf[NaN]\n", b"1"])
def test_a_whole_document_is_read_whole(body: bytes) -> None:
    assert exactly_alike(load(body, DEPTH, whole=True), load(body, DEPTH))


@pytest.mark.parametrize(("body", "offset"), [(b'{"a":1}x', 7), (b"[NaN] []", 6), (b"1\0", 1)])
def test_what_follows_a_document_is_refused_where_it_has_to_be_whole(body: bytes, offset: int) -> None:
    assert load(body, DEPTH) is not None
    with pytest.raises(DragomanError) as caught:
        load(body, DEPTH, whole=True)
    why = "The document root must not be followed by other values."
    assert caught.value.message == f"JSON Parse error: {why} at offset: {offset}"


@pytest.mark.parametrize("colons", [0, 3, 63, 64, 65, 500])
def test_a_repeated_key_is_found_in_long_bodies_with_any_number_of_colons(colons: int) -> None:
    text = "x" * 5000 + ":" * colons
    body = b'{"a": 1, "text": "%b", "a": 2}' % text.encode()
    assert exactly_alike(load(body, DEPTH), parse_exactly(body, DEPTH))
    keys = {f"key{number}": ":" for number in range(colons)}
    whole = json.dumps({"text": text, **keys}).encode()
    assert exactly_alike(load(whole, DEPTH), parse_exactly(whole, DEPTH))

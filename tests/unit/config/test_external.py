"""What is wrong with a model of another server is told with its key, before anything is called."""

import pytest

from dragoman.config.checks import mistakes
from dragoman.settings.external import ExternalRules, origin_of
from dragoman.settings.server import ServerSettings
from dragoman.settings.yaml_document import read_document

GOOD = "url: https://api.example/v1, protocol: openai"


def told(external: str, more: str = "", rules: str = "origins: [https://api.example]"):
    text = f"external: {{{rules}}}\nmodels: [{{name: m, external: {{{external}}}{more}}}]"
    return list(mistakes(read_document(text, "dragoman.yaml", ServerSettings)))


def test_a_server_that_is_listed_is_no_mistake():
    assert told(GOOD) == []
    assert told(f"{GOOD}, key: {{env: KEY}}, task: chat") == []
    assert told("url: 'https://api.example:443', protocol: v2") == []


@pytest.mark.parametrize(
    ("external", "key", "what"),
    [
        (
            "url: 'http://api.example/v1', protocol: openai",
            "url",
            "http://api.example is none of external.origins",
        ),
        ("url: 'https://api.example.evil/v1', protocol: openai", "url", "is none of external.origins"),
        ("url: 'https://me:word@api.example/v1', protocol: openai", "url", "it is not of the form"),
        ("url: 'https://api.example/v1?key=word', protocol: openai", "url", "it is not of the form"),
        ("url: 'ftp://api.example', protocol: openai", "url", "it is not of the form"),
        ("url: 'https://api.example/v2/', protocol: v2", "url", "/v2 is put behind the URL: leave it out"),
        ("url: 'https://api.example', protocol: v1, task: chat", "task", "the protocol v1 has no tasks"),
        (f"{GOOD}, key: {{}}", "key", "give exactly one of file and env"),
        (f"{GOOD}, key: {{file: a, env: b}}", "key", "give exactly one of file and env"),
        (f"{GOOD}, key: {{env: b, header: x, username: y}}", "key", "at most one of header and username"),
        (f"{GOOD}, key: {{env: b, header: 'a: b'}}", "key.header", "'a: b' is no name of a header"),
        (
            "url: 'https://api.example', protocol: v2, inputs: {x: {dtype: int8, shape: [-1]}}, "
            "outputs: {y: {dtype: int8, shape: [-1]}}",
            "inputs",
            "the protocol v2 declares no tensors",
        ),
        (
            "url: 'https://api.example', protocol: v1, inputs: {x: {dtype: int8, shape: []}}, "
            "outputs: {y: {dtype: int8, shape: [-1]}}",
            "inputs.x.shape",
            "the first axis of a shape is the rows",
        ),
    ],
)
def test_a_mistake_is_told_with_its_key_and_without_a_password(external, key, what):
    found = told(external)
    assert found[0][0] == f"models[0].external.{key}"
    assert what in found[0][1]
    assert "word" not in str(found)


def test_tensors_of_one_side_alone_are_a_mistake():
    external = "url: 'https://api.example', protocol: v1, inputs: {x: {dtype: int8, shape: [-1]}}"
    assert told(external) == [("models[0].external", "inputs and outputs go together: declare both or none")]


def test_a_model_has_one_place():
    assert told(GOOD, ", path: /m") == [
        ("models[0].external", "a model has either a path or a server, and not both")
    ]


def test_origins_and_networks_that_are_none_are_told_by_their_number():
    rules = (
        "origins: [https://api.example, 'https://api.example/v1', x], networks: [10.0.0.0/8, 10.0.0.1/8, y]"
    )
    assert [key for key, _ in told(GOOD, rules=rules)] == [
        "external.origins[1]", "external.origins[2]", "external.networks[1]", "external.networks[2]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://API.example:443/v1", "https://api.example"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://a:8080", "http://a:8080"),
        ("http://a:0", None),
        ("http://a\\@b/", None),
        ("http://a b/", None),
        ("http://a/\x7f", None),
        ("http://ä/", None),
    ],
)
def test_an_origin_is_read_in_one_way_only(url, origin):
    assert origin_of(url) == origin


def test_nothing_may_be_called_where_nothing_is_listed():
    assert ExternalRules().origins == ()
    assert told(GOOD, rules="")[0][0] == "models[0].external.url"

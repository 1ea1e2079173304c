"""All settings of a server, from every place that they may stand in."""

import pytest

from dragoman.config.dialect import Dialect, Level, Note, Translation
from dragoman.config.loader import Request, load
from dragoman.config.overlay import Override
from dragoman.core.errors import Code, DragomanError
from dragoman.settings.model import VersionPolicy
from dragoman.settings.server import LISTENERS, ServerSettings


def dialect(tree, *notes, message=None):
    return Dialect(
        "other",
        "Other",
        lambda source: Translation(tree, {"": "--as other"}, notes, message),
        lambda text, path: [],
        lambda words: (list(words), []),
    )


@pytest.fixture
def config(tmp_path):
    """Writes dragoman.yaml and gives the request that reads it."""

    def write(text, **more):
        (tmp_path / "dragoman.yaml").write_text(text, encoding="utf-8")
        return Request(config=str(tmp_path / "dragoman.yaml"), **more)

    return write


def mistakes(request):
    with pytest.raises(DragomanError) as raised:
        load(request)
    return raised.value.message.splitlines()


def test_nothing_given_are_the_defaults():
    assert load(Request()).settings == ServerSettings()


def test_a_path_is_the_repository():
    loaded = load(Request(path="models"))
    assert loaded.settings.repositories == ("models",)
    assert loaded.settings.listeners == LISTENERS


def test_the_order_is_command_line_environment_file_dialect_default(config):
    tree = {"limits": {"header_count": 1, "header_bytes": 1, "connections": 1, "body_bytes": 1}}
    text = "limits: {header_count: 2, header_bytes: 2, connections: 2}"
    environment = {"DRAGOMAN_LIMITS__HEADER_COUNT": "3", "DRAGOMAN_LIMITS__HEADER_BYTES": "3"}
    overrides = (Override("limits.header_count", 4, "--flag"),)
    request = config(text, dialect=dialect(tree), environment=environment, overrides=overrides)
    loaded = load(request)
    limits = loaded.settings.limits
    assert (limits.header_count, limits.header_bytes, limits.connections, limits.body_bytes) == (4, 3, 2, 1)
    assert limits.json_depth == ServerSettings().limits.json_depth
    assert [loaded.origins[f"limits.{key}"] for key in tree["limits"]] == [
        "--flag",
        "environment DRAGOMAN_LIMITS__HEADER_BYTES",
        f"{request.config}:1",
        "--as other",
    ]


def test_models_are_read_with_their_short_forms(config):
    loaded = load(config("models: [{name: a, path: x, versions: all}]"))
    assert loaded.settings.models[0].versions == VersionPolicy(all=True)


def test_paths_are_relative_to_the_file(config, tmp_path):
    text = """
        repository: [models, /abs]
        models: [{name: a, path: ../x, options: {path: stays}}]
        node_libraries: [{name: l, path: l.py}]
        listeners: [{tls: {certificate: cert.pem, key: "-----BEGIN PRIVATE KEY-----"}}]
    """
    settings = load(config(text)).settings
    assert settings.repositories == (str(tmp_path / "models"), "/abs")
    assert settings.models[0].path == str(tmp_path.parent / "x")
    assert settings.models[0].options == {"path": "stays"}
    assert settings.node_libraries[0].path == str(tmp_path / "l.py")
    assert settings.listeners[0].tls.certificate == str(tmp_path / "cert.pem")
    assert settings.listeners[0].tls.key == "-----BEGIN PRIVATE KEY-----"


def test_the_environment_may_name_the_file(config):
    request = config("limits: {header_count: 2}")
    loaded = load(Request(environment={"DRAGOMAN_CONFIG": request.config}))
    assert loaded.settings.limits.header_count == 2
    assert list(loaded.files) == [request.config]


def test_mistakes_of_every_source_are_told_at_once(config):
    request = config(
        "limits: {header_cont: 2}\nlog: {level: loud}",
        environment={"DRAGOMAN_NONSENSE": "1"},
        dialect=dialect({}, Note("--bad", Level.UNSUPPORTED, "cannot be")),
    )
    assert mistakes(request) == [
        f"{request.config}:1: limits.header_cont: there is no such key; did you mean header_count?",
        f"{request.config}:2: log.level: 'loud' is not one of debug, info, warning, error",
        "DRAGOMAN_NONSENSE: " + mistakes(request)[2].partition(": ")[2],
        "--bad: cannot be; --allow-unsupported starts without it",
    ]


def test_what_is_unsupported_may_be_allowed():
    note = Note("--bad", Level.UNSUPPORTED, "cannot be")
    assert load(Request(dialect=dialect({}, note), allow_unsupported=True)).notes == (note,)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "models:\n- {name: a, path: x}\n- {name: a, path: y}",
            "3: models[1].name: 'a' is the name of models[0] already",
        ),
        ("models:\n- {name: ../a, path: x}", "2: models[0].name: '../a' is not a model name"),
        ("models:\n- {name: a, path: ''}", "2: models[0].path: a path is expected"),
        ("models:\n- {name: a, threads: 1}", "2: models[0].path: a path is expected, or a server"),
        (
            "listeners:\n- {port: 80}\n- {port: 80}",
            "3: listeners[1].port: 127.0.0.1:80 is the address of listeners[0]",
        ),
        ("listeners: []", "1: listeners: there has to be one at least"),
        (
            "metrics: {tensorflow_serving_path: x}",
            "1: metrics.tensorflow_serving_path: 'x' is not a plain path",
        ),
    ],
)
def test_a_mistake_between_values_is_told_with_its_place(config, text, mistake):
    request = config(text)
    assert mistakes(request)[0].startswith(f"{request.config}:{mistake}")


PIPELINES = """
pipelines:
- name: p
  inputs: [in]
  nodes:
  - {name: n, model: m, inputs: {x: request.in}}
  outputs: {out: n.y}
"""


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("name: p", "name: a/b", "3: pipelines[0].name: 'a/b' is not a model name"),
        ("model: m", "version: 1", "6: pipelines[0].nodes[0]: a node has either a model or a library"),
        (
            "model: m",
            "model: m, library: l",
            "6: pipelines[0].nodes[0]: a node has either a model or a library",
        ),
        ("model: m", "model: m, params: {a: b}", "6: pipelines[0].nodes[0].params: a model takes no params"),
        ("model: m", "library: l, version: 1", "6: pipelines[0].nodes[0].version: a library has no version"),
        (
            "model: m",
            "library: l, signature: s",
            "6: pipelines[0].nodes[0].signature: a library has no signature",
        ),
        (
            "outputs: {out: n.y}",
            "outputs: {out: n.y}\n- {name: p, inputs: [], nodes: [], outputs: {}}",
            "8: pipelines[1].name: 'p' is the name of pipelines[0] already",
        ),
        (
            "outputs: {out: n.y}",
            "outputs: {out: n.y}\nnode_libraries:\n- {name: l, path: a.py}\n- {name: l, path: b.py}",
            "10: node_libraries[1].name: 'l' is the name of node_libraries[0] already",
        ),
        (
            "outputs: {out: n.y}",
            "outputs: {out: n.y}\nnode_libraries: [{name: l, path: ''}]",
            "8: node_libraries[0].path: a path is expected",
        ),
    ],
)
def test_what_no_pipeline_can_be_is_told_with_its_place(config, old, new, mistake):
    assert old in PIPELINES
    request = config(PIPELINES.replace(old, new, 1))
    assert mistakes(request)[0].startswith(f"{request.config}:{mistake}")


def test_a_graph_that_is_broken_does_not_stop_a_server(config):
    settings = load(config(PIPELINES.replace("request.in", "nowhere.in"))).settings
    assert settings.pipelines[0].nodes[0].inputs["x"].node == "nowhere"


def test_pipelines_of_one_name_are_joined_as_models_are(config):
    weaker = {
        "pipelines": [
            {"name": "p", "inputs": ["a"], "nodes": [], "outputs": {}, "any_version": True},
            {"name": "q", "inputs": [], "nodes": [], "outputs": {}},
        ]
    }
    pipelines = load(config(PIPELINES, dialect=dialect(weaker))).settings.pipelines
    assert [(one.name, one.inputs, one.any_version) for one in pipelines] == [
        ("p", ("in",), True),
        ("q", (), False),
    ]


def test_two_listeners_may_both_take_any_free_port(config):
    assert len(load(config("listeners: [{port: 0}, {port: 0}]")).settings.listeners) == 2


def test_a_value_of_the_command_line_that_cannot_be_is_told_with_its_flag():
    request = Request(overrides=(Override("port", 70000, "--port", "http"),))
    assert mistakes(request) == ["--port: listeners[0].port: Expected `int` <= 65535".replace("`", "")]


def test_a_dialect_that_only_says_something_gives_its_message():
    assert load(Request(dialect=dialect({}, message="version 1"))).message == "version 1"


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(DragomanError) as raised:
        load(Request(config="none.yaml"))
    assert raised.value.message == "none.yaml cannot be read: no such file or directory"


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path):
    (tmp_path / "f.yaml").write_bytes(b"# one\nname: \xff")
    with pytest.raises(DragomanError) as raised:
        load(Request(config=str(tmp_path / "f.yaml")))
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert raised.value.message.endswith("f.yaml:2: the file is not UTF-8")


def test_a_yaml_bomb_is_refused(config):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    request = config(
        "models:\n- name: a\n  path: x\n  options:\n" + "".join(f"    {line}\n" for line in lines)
    )
    assert "more than 100000 values, aliases expanded" in mistakes(request)[0]

"""TensorFlow Serving's command line and files: what is refused, and in which words. Pairs: tests/config."""

import pytest

from dragoman import __version__
from dragoman.config.command_line import read_command_line
from dragoman.config.dialect import Level, Source
from dragoman.config.dialects.tensorflow_serving import DIALECT
from dragoman.config.dialects.tensorflow_serving.flags import FLAGS
from dragoman.core.errors import DragomanError

MODEL = 'name: "m" base_path: "/m" model_platform: "tensorflow"'


def translate(*arguments, files=None, environment=None, path=None):
    return DIALECT.translate(
        Source(arguments, environment or {}, (files or {}).__getitem__, lambda folder: (), path)
    )


def mistake(*arguments, **more):
    with pytest.raises(DragomanError) as raised:
        translate(*arguments, **more)
    return raised.value.message


def listed(*models):
    text = "model_config_list {\n" + "".join(f"config {{ {model} }}\n" for model in models) + "}"
    return {"files": {"list": text}}


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--port=1"], "port", 1),
        (["--port", "1"], "port", 1),
        (["--port=1", "--port=2"], "port", 2),
        (["--port=-1"], "port", -1),
        (["--enable_batching"], "enable_batching", True),
        (["--enable_batching=false"], "enable_batching", False),
        (["--enable_batching", "false"], "enable_batching", False),
        (["--enable_batching", "--port=1"], "enable_batching", True),
        (["--enable_batching", "1"], "enable_batching", True),
        (["--model_name="], "model_name", ""),
        (["--model_name", "--x"], "model_name", "--x"),
        (["--model_name=a=b"], "model_name", "a=b"),
        (["--per_process_gpu_memory_fraction=.5"], "per_process_gpu_memory_fraction", 0.5),
    ],
)
def test_a_flag_has_its_value(words, name, value):
    assert read_command_line(FLAGS, words).given[name] == value


def test_a_flag_that_is_not_given_has_the_references_default():
    line = read_command_line(FLAGS, [])
    assert {name: line[name] for name in FLAGS} == {name: flag.default for name, flag in FLAGS.items()}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--port=http", "--port: 'http' is not int"),
        ("--port=1.5", "--port: '1.5' is not int"),
        ("--port=", "--port: '' is not int"),
        ("--port", "--port: '' is not int"),
        ("--port=" + "9" * 5000, "--port: '" + "9" * 40 + "' is not int"),
        ("--enable_batching=yes", "--enable_batching: 'yes' is not a boolean"),
        ("--per_process_gpu_memory_fraction=half", "--per_process_gpu_memory_fraction: 'half' is not float"),
        ("--port=70000", "--port: 70000 is no port"),
        ("--rest_api_port=-1", "--rest_api_port: -1 is no port"),
    ],
)
def test_a_badly_formed_value_ends_the_start(word, told):
    assert mistake(word, path="models") == told


def test_every_badly_formed_value_is_told_at_once():
    assert mistake("--port=x", "--enable_batching=x").count("\n") == 1


@pytest.mark.parametrize("word", ["--frob", "--frob=1", "-port=1", "stray", "--PORT=1"])
def test_an_unknown_argument_is_told_and_the_start_goes_on(word):
    notes = translate(word, path="models").notes
    assert [(note.level, note.text) for note in notes if note.key == word] == [
        (Level.IGNORED, f"unknown argument: {word}")
    ]


def test_the_version_is_only_told():
    translation = translate("--version")
    assert translation.message.startswith(f"dragoman {__version__} ")
    assert translation.tree == {}


def test_words_are_separated_into_the_dialects_and_the_others():
    words = [
        "x",
        "--port",
        "1",
        "--host",
        "h",
        "--enable_batching",
        "true",
        "--enable_batching",
        "y",
        "--frob=1",
    ]
    assert DIALECT.separate(words) == (
        ["--port", "1", "--enable_batching", "true", "--enable_batching"],
        ["x", "--host", "h", "y", "--frob=1"],
    )


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ([MODEL, MODEL], "list:3: Illegal to list model m multiple times in config list"),
        (
            ['name: "m" base_path: "models/m" model_platform: "tensorflow"'],
            "list:2: Expected model m to have an absolute path or URI; got base_path()=models/m",
        ),
        (
            ['name: "m" model_platform: "tensorflow"'],
            "list:2: Expected model m to have an absolute path or URI; got base_path()=",
        ),
        (
            ['name: "m" base_path: "/m"'],
            "list:2: Illegal setting neither ModelServerConfig::model_type "
            "nor ModelServerConfig::model_platform.",
        ),
        (
            [f"{MODEL} model_type: TENSORFLOW"],
            "list:2: Illegal setting both ModelServerConfig::model_type "
            "and ModelServerConfig::model_platform.",
        ),
        (
            ['name: "m" base_path: "gs://bucket/m" model_platform: "tensorflow"'],
            "list:2: model m: gs:// is not supported: give the path of a folder",
        ),
        (['base_path: "/m" model_platform: "t"'], "list:2: a model of the list has no name"),
        (
            [f"{MODEL} model_version_policy {{ specific {{}} }}"],
            "list:2: model_version_policy: specific names no versions",
        ),
        (
            [f"{MODEL} model_version_policy {{ specific {{ versions: -1 }} }}"],
            "list:2: model_version_policy: -1 is no version",
        ),
        (
            [f"{MODEL} model_version_policy {{ all {{}} latest {{}} }}"],
            "list:2: latest is given along with all: give one",
        ),
        ([f"{MODEL} basepath: 3"], "list:2: there is no field 'basepath' here; there is name, base_path"),
    ],
)
def test_a_list_that_cannot_be_served_is_told_with_its_line(models, told):
    assert mistake("--model_config_file=list", **listed(*models)).startswith(told)


def test_every_model_of_a_list_that_cannot_be_served_is_told():
    bad = 'name: "m" base_path: "m" model_platform: "t"'
    assert mistake("--model_config_file=list", **listed(bad, MODEL, bad)).count("\n") == 2


def test_a_list_may_be_empty():
    assert translate("--model_config_file=list", **listed()).tree["models"] == []


def test_a_custom_config_is_not_supported():
    text = "custom_model_config { [type.example/x] { a: 1 } }"
    notes = translate("--model_config_file=list", files={"list": text}).notes
    assert [note.level for note in notes if note.key == "list: custom_model_config"] == [Level.UNSUPPORTED]


def test_a_list_makes_the_flags_of_one_model_idle():
    notes = translate(
        "--model_config_file=list", "--model_name=x", "--model_base_path=/x", **listed(MODEL)
    ).notes
    idle = {note.key for note in notes if note.text == "--model_config_file names the models"}
    assert idle == {"--model_name", "--model_base_path"}


@pytest.mark.parametrize(
    ("environment", "model"),
    [
        ({"MODEL_NAME": "m"}, {"name": "m", "path": "/models/m"}),
        ({"MODEL_BASE_PATH": "/srv"}, {"name": "model", "path": "/srv/model"}),
        ({"MODEL_NAME": "m", "MODEL_BASE_PATH": "/srv"}, {"name": "m", "path": "/srv/m"}),
    ],
)
def test_the_docker_images_environment_names_the_model(environment, model):
    assert translate(environment=environment).tree["models"] == [model]


def test_nothing_that_names_a_model_is_an_error():
    assert mistake().startswith("Both --model_base_path and --model_config_file are empty!")


def test_a_path_of_the_command_line_needs_no_model_besides():
    tree = translate(path="models").tree
    assert "models" not in tree
    assert [listener["port"] for listener in tree["listeners"]] == [8501, 8500]


def test_no_port_is_no_listener():
    tree = translate("--port=0", "--rest_api_port=8501", path="models").tree
    assert [listener["transport"] for listener in tree["listeners"]] == ["http"]


def test_batching_parameters_without_batching_are_an_error():
    told = "--batching_parameters_file: is given without --enable_batching"
    assert mistake("--batching_parameters_file=f", path="models") == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: [2, 4]",
            "f:1: Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8",
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [4, 2]",
            "f:1: allowed_batch_sizes entries must be monotonically increasing",
        ),
        ("max_batch_size { value: 0 }", "f:1: max_batch_size must be at least 1; was 0"),
        ("max_batch_size {}", "f:1: max_batch_size must be at least 1; was 0"),
        ("num_batch_threads { value: -1 }", "f:1: num_batch_threads must be at least 1; was -1"),
        ("\nmax_batch_size: 3", "f:2: '{' is expected after max_batch_size, and not '3'"),
    ],
)
def test_batching_parameters_that_cannot_be_are_told_with_their_line(text, told):
    arguments = ("--enable_batching", "--batching_parameters_file=f")
    assert mistake(*arguments, files={"f": text}, path="models") == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('server_cert: "c"', "f: server_key is missing"),
        ('server_key: "k"', "f: server_cert is missing"),
        ("server_key: k", "f:1: server_key takes a string, and not 'k'"),
    ],
)
def test_an_ssl_config_that_cannot_be_is_told(text, told):
    assert mistake("--ssl_config_file=f", files={"f": text}, path="models") == told


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("prometheus_config {}", ""),
        ("prometheus_config { enable: false path: '/m' }", ""),
        ("prometheus_config { enable: true path: '' }", "/monitoring/prometheus/metrics"),
        ("prometheus_config { enable: true path: '/m' }", "/m"),
    ],
)
def test_metrics_are_shown_at_the_configured_path(text, path):
    tree = translate("--monitoring_config_file=f", files={"f": text}, path="models").tree
    assert tree["metrics"] == {"tensorflow_serving_path": path}


def test_all_three_numbers_of_threads_are_an_error():
    flags = [f"--tensorflow_{name}_parallelism=1" for name in ("session", "intra_op", "inter_op")]
    assert mistake(*flags, path="models").startswith("--tensorflow_session_parallelism cannot be given along")


def test_a_default_that_is_given_changes_nothing():
    given = [f"--{name}={str(flag.default).lower() if isinstance(flag.default, bool) else flag.default}"
             for name, flag in FLAGS.items() if name not in ("version", "rest_api_port")]  # fmt: skip
    notes = translate(*given, path="models").notes
    assert {note.level for note in notes} == {Level.HONOURED}


def test_a_list_is_recognised_by_its_content():
    assert DIALECT.recognise("model_config_list {}", "/f") == ["--model_config_file=/f"]
    assert DIALECT.recognise("models: []", "/f") == []

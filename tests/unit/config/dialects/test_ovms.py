"""OpenVINO Model Server's command line and file: what is refused, and in which words. Pairs: tests/config."""

import json

import pytest

from dragoman import __version__
from dragoman.config.dialect import Level, Source
from dragoman.config.dialects.ovms import DIALECT
from dragoman.config.dialects.ovms.flags import FLAGS
from dragoman.core.errors import Code, DragomanError

SERVED = ["--rest_port=8000"]
ONE = [*SERVED, "--model_name=m", "--model_path=/m"]
SOURCE = {"node_name": "request", "data_item": "in"}
NODE = {
    "name": "n",
    "type": "DL model",
    "model_name": "m",
    "inputs": [{"x": SOURCE}],
    "outputs": [{"data_item": "y", "alias": "out"}],
}


def translate(*arguments, files=None, environment=None, path=None, folders=None):
    def read(name):
        if name not in (files or {}):
            raise DragomanError(Code.NOT_FOUND, f"{name} cannot be read: no such file or directory")
        return files[name]

    names = {} if folders is None else folders
    return DIALECT.translate(
        Source(arguments, environment or {}, read, lambda folder: names.get(folder, ()), path)
    )


def of_file(**config):
    text = json.dumps({"model_config_list": []} | config)
    return translate("--config_path=c/config.json", *SERVED, files={"c/config.json": text})


def mistake(call, *arguments, **more):
    with pytest.raises(DragomanError) as raised:
        call(*arguments, **more)
    return raised.value.message


def model(**keys):
    return {"config": {"name": "m", "base_path": "/m"} | keys}


def pipeline(node):
    return {
        "name": "p",
        "inputs": ["in"],
        "nodes": [node],
        "outputs": [{"result": {"node_name": "n", "data_item": "out"}}],
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--frob"], "error parsing options: Option '--frob' does not exist"),
        (["stray"], "error parsing options: Option 'stray' does not exist"),
        (["--rest_port=http", "--model_name=m"], "--rest_port: 'http' is not int"),
        ([], "--config_path, or --model_name and --model_path: give one of them"),
        (["--model_name=m"], "--model_name and --model_path: give both, or --config_path"),
        (["--model_name=m", "--model_path=/m"], "port and rest_port cannot both be unset"),
        (
            ["--model_name=m", "--model_path=/m", "--port=1", "--rest_port=1"],
            "cannot have the same value (1)",
        ),
        (["--model_name=m", "--model_path=/m", "--rest_port=70000"], "--rest_port: 70000 is no port"),
        ([*SERVED, "--model_name=m", "--model_path=/m", "--metrics_list=a"], "without --metrics_enable"),
        (
            [*ONE, "--metrics_enable", "--metrics_list=ovms_streams,a"],
            "--metrics_list: there is no family 'a'; there are ovms_requests_success, ",
        ),
        (
            ["--port=1", "--model_name=m", "--model_path=/m", "--metrics_enable"],
            "--metrics_enable: metrics are shown at --rest_port, which is not given",
        ),
        (
            [*SERVED, "--model_name=m", "--model_path=/m", "--log_level=LOUD"],
            "--log_level: 'LOUD' is not one of",
        ),
        (
            [*SERVED, "--model_name=m", "--model_path=/m", "--plugin_config={"],
            "--plugin_config: The file is not valid",
        ),
        (
            [*SERVED, "--model_name=m", "--model_path=/m", "--plugin_config=[]"],
            "--plugin_config: Expected `object`",
        ),
        (
            [*ONE, '--model_version_policy={"all":{},"latest":{"num_versions":1}}'],
            "--model_version_policy: a policy is one of latest, specific and all",
        ),
        (
            [*SERVED, "--model_name=m", "--model_path=s3://b/m"],
            "s3://b/m: give the path of a folder on this machine",
        ),
    ],
)  # fmt: skip
def test_a_command_line_that_serves_nothing_says_why(words, told):
    assert told in mistake(translate, *words)


def test_every_mistake_is_told_at_once():
    assert mistake(translate, "--model_name=m", "--metrics_list=a").count("\n") == 3


def test_flags_of_one_model_do_not_go_with_a_file():
    files = {"c.json": '{"model_config_list": []}'}
    told = mistake(translate, "--config_path=c.json", "--nireq=2", *SERVED, files=files)
    assert told == "--nireq: is not given together with --config_path"


MONITORING = '{"model_config_list": [], "monitoring": {"metrics": {"enable": true, "metrics_list": [%s]}}}'


@pytest.mark.parametrize(
    ("words", "families", "told"),
    [
        (SERVED, '"a"', "c.json: monitoring.metrics.metrics_list: there is no family 'a'"),
        (
            [*SERVED, "--metrics_enable"],
            "",
            "c.json: monitoring.metrics: is not given together with --",
        ),
        (
            ["--port=1"],
            "",
            "c.json: monitoring.metrics.enable: metrics are shown at --rest_port",
        ),
    ],
)
def test_metrics_that_cannot_be_shown_so_stop_a_start(words, families, told):
    files = {"c.json": MONITORING % families}
    assert mistake(translate, "--config_path=c.json", *words, files=files).startswith(told)


def test_metrics_of_a_file_may_be_few():
    made = of_file(monitoring={"metrics": {"enable": True, "metrics_list": ["ovms_streams"]}})
    assert made.tree["metrics"] == {"ovms": True, "ovms_families": ["ovms_streams"]}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"models": []}, "c/config.json: Object contains unknown field `models`"),
        (
            {"model_config_list": [model(nireq="4")]},
            "model_config_list[0].config.nireq: Expected `int`, got `str`",
        ),
        ({"model_config_list": [model(nireq=-1)]}, "model_config_list[0].config.nireq: Expected `int` >= 0"),
        (
            {"model_config_list": [{"config": {"base_path": "/m"}}]},
            "config: Object missing required field `name`",
        ),
        ({"model_config_list": [model(mean=1)]}, "config: Object contains unknown field `mean`"),
        (
            {"model_config_list": [model(model_version_policy={"latest": {"num_versions": 0}})]},
            "config.model_version_policy.latest.num_versions: Expected `int` >= 1",
        ),
        (
            {"model_config_list": [model(model_version_policy={})]},
            "config.model_version_policy: a policy is one of latest, specific and all",
        ),
        (
            {"model_config_list": [model(model_version_policy={"latest": {}})]},
            "config.model_version_policy.latest: Object missing required field `num_versions`",
        ),
        (
            {"model_config_list": [model(model_version_policy=None)]},
            "config.model_version_policy: Expected `object`, got `null`",
        ),
        ({"monitoring": {"metrics": {}}}, "monitoring.metrics: Object missing required field `enable`"),
        ({"monitoring": None}, "monitoring: Expected `object`, got `null`"),
        (
            {"pipeline_config_list": [pipeline(NODE | {"inputs": [NODE["inputs"][0] | {"z": SOURCE}]})]},
            "nodes[0].inputs[0]: Expected `object` of length <= 1",
        ),
        (
            {"pipeline_config_list": [pipeline(NODE) | {"outputs": [{}]}]},
            "pipeline_config_list[0].outputs[0]: Expected `object` of length >= 1",
        ),
        (
            {"pipeline_config_list": [pipeline(NODE | {"version": None})]},
            "nodes[0].version: Expected `int`, got `null`",
        ),
        (
            {"pipeline_config_list": [pipeline(NODE | {"type": "model"})]},
            "pipeline_config_list[0].nodes[0]: 'model' is not a type of nodes: DL model or custom",
        ),
        (
            {"pipeline_config_list": [pipeline(NODE | {"type": "custom"})]},
            "nodes[0]: a node of type 'custom' has library_name and no model_name",
        ),
        (
            {"pipeline_config_list": [pipeline(NODE | {"demultiply_count": 10_001})]},
            "nodes[0].demultiply_count: Expected `int` <= 10000",
        ),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused_with_its_key(config, told):
    assert told in mistake(of_file, **config)


def test_a_file_that_is_no_json_is_refused():
    told = mistake(translate, "--config_path=c", *SERVED, files={"c": "{"})
    assert told.startswith("c: The file is not valid json - Error: ")


def test_the_second_model_of_a_name_is_left_out_and_told():
    made = of_file(model_config_list=[model(), model(base_path="/other"), model(name="n", base_path="")])
    assert [one["path"] for one in made.tree["models"]] == ["/m"]
    refused = [(note.key, note.text) for note in made.notes if note.level is Level.REFUSED]
    assert refused == [
        ("model m", "Given model name is already occupied"),
        ("model n", "base_path is missing"),
    ]


def test_a_name_that_cannot_be_leaves_out_its_entry_alone():
    made = of_file(
        model_config_list=[model(name="a/b"), model()],
        pipeline_config_list=[pipeline(NODE) | {"name": ""}, pipeline(NODE)],
    )
    assert [one["name"] for one in (*made.tree["models"], *made.tree["pipelines"])] == ["m", "p"]
    refused = [note.text for note in made.notes if note.level is Level.REFUSED]
    assert [text.split(" is not ")[0] for text in refused] == ["'a/b'", "''"]


@pytest.mark.parametrize(
    "key",
    [{"low_latency_transformation": False}, {"idle_sequence_cleanup": True}, {"max_sequence_number": 1}],
)
def test_keys_of_state_leave_out_a_model_that_has_none(key):
    made = of_file(model_config_list=[model(**key)])
    assert made.tree["models"] == []
    (refused,) = [note.text for note in made.notes if note.level is Level.REFUSED]
    assert refused == f"{next(iter(key))}: is of stateful models only, and stateful is not true"


def test_params_say_nothing_to_a_model():
    made = of_file(pipeline_config_list=[pipeline(NODE | {"params": {"a": "b"}})])
    assert "params" not in made.tree["pipelines"][0]["nodes"][0]


def test_pages_of_other_origins_are_told_what_the_flags_say():
    words = ["--allowed_origins=https://shop.example", "--allowed_headers=X-Key"]
    (listener,) = translate(*ONE, *words).tree["listeners"]
    assert listener["cors"] == {"origin": "https://shop.example", "methods": "*", "headers": "X-Key"}


def test_a_pipeline_does_not_take_the_name_of_a_model():
    named = pipeline(NODE) | {"name": "m"}
    made = of_file(model_config_list=[model()], pipeline_config_list=[named, pipeline(NODE), pipeline(NODE)])
    assert [one["name"] for one in made.tree["pipelines"]] == ["p"]
    told = {note.key: (note.level, note.text) for note in made.notes if note.key.startswith("pipeline")}
    assert told["pipeline m"] == (Level.REFUSED, "Pipeline has the same name as model")
    assert told["pipeline p"] == (Level.IGNORED, "is there already; the first one is served")


@pytest.mark.parametrize("count", [-1, 0])
def test_a_count_of_no_branches_means_as_many_as_there_are(count):
    made = of_file(pipeline_config_list=[pipeline(NODE | {"demultiply_count": count})])
    assert made.tree["pipelines"][0]["nodes"][0]["demultiply"] == "dynamic"


def test_an_input_that_is_fed_twice_keeps_both_sources():
    twice = NODE | {"inputs": [*NODE["inputs"], {"x": {"node_name": "other", "data_item": "z"}}]}
    made = of_file(pipeline_config_list=[pipeline(twice)])
    assert made.tree["pipelines"][0]["nodes"][0]["inputs"]["x"] == [
        {"node": "request", "output": "in"},
        {"node": "other", "output": "z"},
    ]


def test_a_library_of_another_language_is_refused():
    libraries = [{"name": "c", "base_path": "/lib/n.so"}, {"name": "py", "base_path": "node.py"}]
    made = of_file(custom_node_library_config_list=libraries)
    assert made.tree["node_libraries"] == [{"name": "py", "path": "c/node.py", "trust": "code"}]
    (told,) = [note for note in made.notes if note.level is Level.REFUSED]
    assert told.text.startswith("Pipeline refers to incorrect library: /lib/n.so is no Python file")


def test_what_would_change_answers_is_unsupported():
    made = of_file(
        model_config_list=[model(stateful=True)],
        mediapipe_config_list=[{"name": "graph"}],
        custom_loader_config_list=[{"config": {}}],
    )
    unsupported = {note.key for note in made.notes if note.level is Level.UNSUPPORTED}
    assert unsupported == {
        "model m: stateful",
        "c/config.json: mediapipe_config_list",
        "c/config.json: custom_loader_config_list",
    }


def test_the_version_is_only_told():
    assert translate("--version").message.startswith(f"dragoman {__version__} ")


def test_models_of_a_repository_are_listed():
    folders = {
        "/models": ["face", "empty", "notes.txt"],
        "/models/face": ["1", "docs"],
        "/models/face/1": ["face.xml", "face.bin"],
        "/models/empty": ["1"],
    }
    made = translate("--list_models", "--model_repository_path=/models", folders=folders)
    assert made.message.splitlines() == ["Available servable models in repository: /models", "face"]


def test_a_model_is_added_to_a_file():
    files = {"config.json": '{"model_config_list": [{"config": {"name": "a", "base_path": "/a"}}]}'}
    words = ["--add_to_config", "--config_path=config.json", "--model_name=b", "--model_path=/b"]
    (written,) = translate(*words, files=files).writes.values()
    assert [entry["config"]["name"] for entry in json.loads(written)["model_config_list"]] == ["a", "b"]


def test_a_file_that_is_not_there_is_made_in_the_folder_that_is_named():
    environment = {"OVMS_MODEL_REPOSITORY_PATH": "/models"}
    made = translate("--add_to_config", "--config_path=/etc/o", "--model_name=b", environment=environment)
    assert json.loads(made.writes["/etc/o/config.json"]) == {
        "model_config_list": [{"config": {"name": "b", "base_path": "/models/b"}}]
    }


def test_a_model_is_taken_out_of_a_file():
    files = {
        "c.json": '{"model_config_list": [{"config": {"name": "a", "base_path": "/a"}}], '
        '"monitoring": {"metrics": {"enable": false}}}'
    }
    made = translate("--remove_from_config", "--config_path=c.json", "--model_name=a", files=files)
    assert json.loads(made.writes["c.json"]) == {
        "model_config_list": [],
        "monitoring": {"metrics": {"enable": False}},
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--add_to_config", "--config_path=c.json", "--model_name=a"], "there is a model 'a' already"),
        (["--remove_from_config", "--config_path=c.json", "--model_name=b"], "there is no model 'b'"),
        (["--remove_from_config", "--config_path=c.json"], "--model_name: has to be given"),
        (["--add_to_config", "--model_name=b"], "--config_path: has to be given"),
        (
            ["--add_to_config", "--config_path=bad.json", "--model_name=b"],
            "bad.json: The file is not valid json",
        ),
        (
            ["--list_models"],
            "--model_repository_path: give it, or OVMS_MODEL_REPOSITORY_PATH in the environment",
        ),
    ],
)
def test_an_edit_that_cannot_be_made_says_why(words, told):
    files = {
        "c.json": '{"model_config_list": [{"config": {"name": "a", "base_path": "/a"}}]}',
        "bad.json": "{",
    }
    assert told in mistake(translate, *words, files=files)


def test_words_are_separated_into_the_dialects_and_the_others():
    words = ["x", "--port", "1", "--host", "h", "--metrics_enable", "--frob=1"]
    assert DIALECT.separate(words) == (["--port", "1", "--metrics_enable"], ["x", "--host", "h", "--frob=1"])


def test_a_config_json_is_recognised():
    assert DIALECT.recognise('{"model_config_list": []}', "c.json")[0] == "--config_path=c.json"
    assert DIALECT.recognise("model_config_list {}", "models.config") == []


def test_every_flag_has_a_name_of_its_own():
    assert len({flag.name for flag in FLAGS.values()}) == len(FLAGS)

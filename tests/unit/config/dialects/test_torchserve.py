"""TorchServe's command line and file: what is refused, and in which words. Pairs: tests/config."""

import json

import pytest

from dragoman import __version__
from dragoman.config.dialect import Background, Level, Source
from dragoman.config.dialects.torchserve import DIALECT
from dragoman.config.dialects.torchserve.flags import FLAGS
from dragoman.config.dialects.torchserve.keys import FILE_ONLY, KEYS, VERSION_KEYS
from dragoman.core.errors import Code, DragomanError

FILE = "--ts-config=c"
STORE = "model_store=s\n"


def translate(*arguments, file=None, environment=None, path=None, names=()):
    def read(name):
        if file is None:
            raise DragomanError(Code.NOT_FOUND, f"{name} cannot be read: no such file or directory")
        return file

    return DIALECT.translate(Source(arguments, environment or {}, read, lambda _: names, path))


def of_file(text, **more):
    return translate(FILE, file=STORE + text, **more)


def mistake(call, *arguments, **more):
    with pytest.raises(DragomanError) as raised:
        call(*arguments, **more)
    return raised.value.message


def told(translation, level):
    return {note.key: note.text for note in translation.notes if note.level is level}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inference_address=ftp://h:1", "c:2: inference_address: Invalid binding address: ftp://h:1"),
        ("inference_address=http://h:70000", "c:2: inference_address: Invalid port number: http://h:70000"),
        (
            "inference_address=https://h:1",
            "c:2: inference_address: https wants keystore, or private_key_file",
        ),
        ("management_address=8081", "c:2: management_address: Invalid binding address: 8081"),
        ("grpc_inference_port=x", "c:2: grpc_inference_port: 'x' is no whole number"),
        ("grpc_management_port=70000", "c:2: grpc_management_port: 70000 is no port"),
        ("job_queue_size=0", "c:2: job_queue_size: 0 is below 1"),
        ("max_request_size=1.5", "c:2: max_request_size: '1.5' is no whole number"),
        ("default_workers_per_model=-1", "c:2: default_workers_per_model: -1 is below 0"),
        ("blacklist_env_vars=(", "c:2: blacklist_env_vars: this is no regular expression"),
        ("models=[", "c:2: models: this is not JSON"),
        ("models=[]", "c:2: models: an object is expected"),
        ('models={"m": {"1.0": 3}}', "c:2: models: m 1.0: an object is expected"),
        ('model_snapshot={"models": {"m": {"1.0": {}}}}', "c:2: model_snapshot: m 1.0: marName is missing"),
        ("load_models=$$ABSENT$$", "c:2: Invalid Environment Variable ABSENT"),
        (r"load_models=\u12", r"c:2: \u wants four hexadecimal digits"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_its_line(text, said):
    assert mistake(of_file, text).startswith(said)


def test_every_mistake_is_told_at_once():
    assert (
        len(mistake(of_file, "inference_address=a\nmanagement_address=b\nmax_request_size=c").splitlines())
        == 3
    )


def test_a_server_without_a_store_or_a_path_is_refused_in_torchserves_words():
    assert mistake(translate) == "Missing mandatory parameter --model-store"
    assert "models" not in translate(path="models").tree


def test_a_path_is_the_store_and_is_trusted():
    made = translate("--models=a.mar", path="models")
    assert made.tree["every_model"]["trust"] == "code"
    assert told(made, Level.IGNORED)["--models: load_models"] == "PATH is what is loaded"


def test_a_word_that_is_no_flag_is_refused():
    assert mistake(translate, "--frob", "x") == "unrecognized arguments: --frob x"


def test_a_file_that_is_named_has_to_be_there():
    assert mistake(translate, FILE) == "c cannot be read: no such file or directory"


@pytest.mark.parametrize("word", ["-v", "--version"])
def test_the_version_is_told(word):
    assert translate(word).message == f"dragoman {__version__} in the place of TorchServe"


@pytest.mark.parametrize(
    ("flags", "background"),
    [
        (["--start"], Background(".model_server.pid")),
        (["--start", "--foreground"], None),
        ([], None),
        (["--stop"], Background(".model_server.pid", ends=True)),
    ],
)
def test_start_serves_in_the_background_and_stop_ends_it(flags, background):
    made = translate(*flags, file=STORE, names=["config.properties"])
    assert made.background == background


def test_the_models_are_all_words_up_to_the_next_flag():
    own, others = DIALECT.separate(["--models", "a.mar", "b=b.mar", "--ncs", "--port", "1", "models"])
    assert (own, others) == (["--models=a.mar,b=b.mar", "--ncs"], ["--port", "1", "models"])


def test_the_file_in_the_working_directory_is_read():
    assert translate(file=STORE + "load_models=a.mar", names=["config.properties"]).tree["repository"] == [
        "s/a.mar"
    ]


def test_the_command_line_wins_over_the_file_and_the_environment_over_both():
    text = STORE + "load_models=a.mar\nenable_envvars_config=true"
    flags = (FILE, "--models", "b.mar")
    assert translate(*flags, file=text).tree["repository"] == ["s/b.mar"]
    environment = {"TS_LOAD_MODELS": "c.mar"}
    assert translate(*flags, file=text, environment=environment).tree["repository"] == ["s/c.mar"]


def test_the_environment_counts_only_where_the_file_lets_it():
    assert of_file("load_models=a.mar", environment={"TS_LOAD_MODELS": "c.mar"}).tree["repository"] == [
        "s/a.mar"
    ]


def test_variables_that_the_reference_does_not_know_set_nothing():
    made = of_file("enable_envvars_config=true", environment={"TS_MODELS": "[", "TS_ALLOWED_URLS": "x"})
    assert not [note for note in made.notes if note.key.startswith("environment")]


def test_allowed_urls_come_from_the_environment_where_another_key_says_so():
    text = "enable_envvars_config=true\nuse_env_allowed_urls=true"
    made = of_file(text, environment={"TS_ALLOWED_URLS": "x, y.*"})
    assert made.tree["registration"]["allowed_urls"] == ["x", "y.*"]


def test_no_url_is_allowed_unless_the_file_says_so():
    assert "allowed_urls" not in of_file("").tree["registration"]
    with pytest.raises(DragomanError, match="c:2: allowed_urls: '\\(' is no regular expression"):
        of_file("allowed_urls=https://h/.*,(")


def test_models_are_registered_only_where_the_file_or_a_flag_says_so():
    assert "enabled" not in of_file("").tree["registration"]
    assert of_file("enable_model_api=true").tree["registration"]["enabled"]
    assert translate(FILE, "--enable-model-api", file=STORE).tree["registration"]["enabled"]


def test_management_at_the_address_of_inference_is_one_listener_with_it():
    one, *_ = of_file("management_address=http://127.0.0.1:8080").tree["listeners"]
    assert (one["name"], one["also"]) == ("inference", ["torchserve_management"])
    assert "protocols" not in one


def test_management_at_its_own_address_is_all_that_is_there():
    _, own, *_ = of_file("management_address=http://0.0.0.0:9").tree["listeners"]
    assert (own["host"], own["port"], own["protocols"]) == ("0.0.0.0", 9, ["torchserve_management"])


def test_there_are_tokens_unless_access_may_be_open():
    assert of_file("").tree["tokens"] == {"file": "key_file.json", "expiration_min": 60}
    assert of_file("token_expiration_min=5").tree["tokens"]["expiration_min"] == 5
    for made in (of_file("disable_token_authorization=TRUE"), translate(FILE, "--dt", file=STORE)):
        assert "tokens" not in made.tree


def test_an_address_without_a_port_is_at_the_usual_one():
    assert of_file("inference_address=http://h").tree["listeners"][0]["port"] == 80
    tls = "\nprivate_key_file=k\ncertificate_file=c"
    listener, *_ = of_file(f"inference_address=HTTPS://h{tls}").tree["listeners"]
    assert (listener["port"], listener["tls"]) == (443, {"certificate": "c", "key": "k"})


def test_a_keystore_wins_over_files_and_has_javas_usual_password():
    files = "\nprivate_key_file=k\ncertificate_file=c\nkeystore=k.p12"
    listener, *_ = of_file(f"inference_address=https://h{files}").tree["listeners"]
    assert listener["tls"] == {"keystore": "k.p12", "keystore_password": "changeit"}


def test_grpc_has_a_listener_of_its_own_with_tls_where_the_file_says_so():
    *_, plain, _ = of_file("grpc_inference_port=9\ngrpc_inference_address=0.0.0.0").tree["listeners"]
    assert plain == {
        "name": "grpc_inference",
        "transport": "grpc",
        "host": "0.0.0.0",
        "port": 9,
        "dialect": "torchserve",
    }
    *_, closed, management = of_file("enable_grpc_ssl=true\nprivate_key_file=k\ncertificate_file=c").tree[
        "listeners"
    ]
    assert closed["tls"] == management["tls"] == {"certificate": "c", "key": "k"}
    assert (management["port"], management["protocols"]) == (7071, ["torchserve_management"])
    with pytest.raises(DragomanError, match="c:2: enable_grpc_ssl: enable_grpc_ssl wants keystore"):
        of_file("enable_grpc_ssl=true")


def test_a_keystore_of_javas_own_form_ends_the_start():
    assert "c:2: keystore_type" in told(of_file("keystore_type=JKS"), Level.UNSUPPORTED)


def test_metrics_have_a_listener_of_their_own_unless_the_file_says_otherwise():
    _, _, metrics, *_ = of_file("metrics_address=http://h").tree["listeners"]
    assert (metrics["name"], metrics["port"], metrics["protocols"]) == ("metrics", 8082, ["metrics"])
    made = of_file("enable_metrics_api=false")
    names = [listener["name"] for listener in made.tree["listeners"]]
    assert names == ["inference", "management", "grpc_inference", "grpc_management"]
    assert told(made, Level.IGNORED)["metrics at 127.0.0.1:8082"].startswith("enable_metrics_api is false")


def test_metrics_are_left_out_where_inference_is_unless_that_is_their_address():
    apart, *_ = of_file("").tree["listeners"]
    assert apart["without"] == ["metrics"]
    both, *_ = of_file("metrics_address=http://127.0.0.1:8080").tree["listeners"]
    assert not both.keys() & {"without", "protocols", "also"}


def test_metrics_at_the_address_of_management_are_one_listener_with_it():
    _, both, *_ = of_file("metrics_address=http://127.0.0.1:8081").tree["listeners"]
    assert both["protocols"] == ["torchserve_management", "metrics"]


def test_metrics_are_logged_unless_the_file_says_otherwise():
    made = of_file("disable_system_metrics=true", environment={"METRICS_LOCATION": "/var/log/ts"})
    assert made.tree["metrics"] == {
        "torchserve": "log",
        "torchserve_system_s": 0,
        "torchserve_folder": "/var/log/ts",
    }
    shown = "metrics_mode=PROMETHEUS\nmetric_time_interval=5\nmodel_metrics_auto_detect=true"
    assert of_file(shown).tree["metrics"] == {
        "torchserve": "prometheus",
        "torchserve_system_s": 5,
        "torchserve_auto_detect": True,
    }
    made = of_file("metrics_mode=loud")
    assert made.tree["metrics"]["torchserve"] == "log"
    assert told(made, Level.IGNORED)["c:2: metrics_mode"].startswith("loud is not one of")


def test_an_archive_may_be_anywhere_on_this_machine_and_nowhere_else():
    made = of_file("load_models=file:///x/a.mar,/y/b,http://h/c.mar,n=../d.mar,e=")
    assert made.tree["repository"] == ["/x/a.mar", "/y/b"]
    assert next(iter(told(made, Level.UNSUPPORTED))) == "c:2: load_models: http://h/c.mar"
    assert told(made, Level.REFUSED) == {
        "c:2: load_models: ../d.mar": "Relative path is not allowed in url: ../d.mar"
    }


def test_of_the_whole_store_what_is_described_has_its_own_settings():
    text = 'models={"m": {"1.0": {"marName": "a.mar", "batchSize": 4}, "2.0": {"marName": "b.mar"}}}'
    made = of_file(f"load_models=ALL\n{text}", names=["a.mar", "c.mar"])
    assert made.tree["repository"] == ["s"]
    assert [(model["name"], model["path"]) for model in made.tree["models"]] == [("m", "s/a.mar")]


def test_archives_of_one_model_are_its_versions():
    text = 'models={"m": {"1.9": {"marName": "a.mar"}, "1.10": {"marName": "b.mar", "defaultVersion": true}}}'
    made = of_file(f"load_models=a.mar,b.mar\n{text}")
    (model,) = made.tree["models"]
    assert (model["name"], model["path"]) == ("m", ["s/a.mar", "s/b.mar"])
    assert model["versions"] == {"all": True, "first": True, "default": "1.10"}


def test_any_version_may_be_the_default():
    text = 'models={"m": {"2.0": {"marName": "a.mar", "defaultVersion": true}, "10.0": {"marName": "b.mar"}}}'
    made = of_file(f"load_models=a.mar,b.mar\n{text}")
    assert made.tree["models"][0]["versions"]["default"] == "2.0"


def test_each_version_has_the_settings_that_are_said_of_it():
    text = 'models={"m": {"1.0": {"marName": "a.mar", "minWorkers": 3}, "2.0": {"marName": "b.mar"}}}'
    (model,) = of_file(f"load_models=a.mar,b.mar\n{text}").tree["models"]
    assert "handler" not in model
    assert model["version_handlers"]["1.0"]["min_workers"] == 3


@pytest.mark.parametrize("value", ["0", "-1", "true", '"x"', "[1]", "null"])
def test_a_number_that_is_none_counts_as_not_given(value):
    made = of_file(
        f'load_models=a.mar\nmodels={{"m": {{"1": {{"marName": "a.mar", "batchSize": {value}}}}}}}'
    )
    assert "handler" not in made.tree["models"][0]
    assert "c:3: models: m 1: batchSize" in told(made, Level.IGNORED)


def test_an_archive_yields_to_nothing_but_a_snapshot():
    snapshot = 'model_snapshot={"models": {"m": {"1.0": {"marName": "a.mar"}}}}'
    assert of_file("").tree["every_model"]["handler"]["yields"] is True
    assert of_file(snapshot).tree["every_model"]["handler"]["yields"] is False


def test_a_file_of_settings_is_recognised_by_its_keys():
    assert DIALECT.recognise("a=b\nmodel_store = /m", "/c/config.properties") == [
        "--ts-config=/c/config.properties"
    ]
    assert DIALECT.recognise("server.port=1", "/c/application.properties") == []


def test_every_flag_and_key_says_what_becomes_of_it():
    assert all(flag.text for flag in (*FLAGS.values(), *KEYS.values()))
    assert all(text for _, text in VERSION_KEYS.values())
    assert KEYS.keys() >= FILE_ONLY


class Disk:
    """Files by their paths, each with the time when it was written."""

    def __init__(self, files):
        self.files = files

    def translate(self, *arguments, environment=None):
        def names(folder):
            inside = "" if folder == "." else f"{folder}/"
            found = [path.removeprefix(inside) for path in self.files if path.startswith(inside)]
            return [name for name in found if "/" not in name]

        def modified(path):
            return self.files[path][0]

        read = {path: text for path, (_, text) in self.files.items()}.__getitem__
        return DIALECT.translate(Source(arguments, environment or {}, read, names, None, modified))


def snapshot(*models, workers=1, rest=""):
    told = {
        model: {"1.0": {"marName": f"{model}.mar", "minWorkers": workers, "maxWorkers": workers}}
        for model in models
    }
    return f"model_store=s\n{rest}model_snapshot={json.dumps({'models': told})}\n"


CONFIG_FILE = {"config.properties": (9, "model_store=s\nload_models=usual.mar\n")}


def disk(**snapshots):
    return Disk({f"logs/config/{name}.cfg": found for name, found in snapshots.items()} | CONFIG_FILE)


def models_of(translation):
    return [model["name"] for model in translation.tree.get("models", [])]


def test_the_snapshot_that_was_written_last_is_begun_with():
    made = disk(startup=(3, snapshot("a")), shutdown=(2, snapshot("b"))).translate("--start")
    assert models_of(made) == ["a"]
    assert told(made, Level.IGNORED)["config.properties, load_models"] == (
        "logs/config/startup.cfg, the last snapshot, says what is served; --ncs serves without it"
    )


@pytest.mark.parametrize("flag", ["--ncs", "--no-config-snapshots", "--ts-config=config.properties"])
def test_no_snapshot_is_begun_with_where_a_file_is_named_or_nobody_wants_one(flag):
    made = disk(startup=(3, snapshot("a"))).translate(flag)
    assert made.tree["repository"] == ["s/usual.mar"]
    assert ("snapshots" in made.tree) == flag.startswith("--ts-config")


def test_snapshots_lie_where_the_logs_do():
    made = disk(startup=(3, snapshot("a"))).translate(environment={"LOG_LOCATION": "/var/log/ts"})
    assert made.tree["repository"] == ["s/usual.mar"]
    assert made.tree["snapshots"]["folder"] == "/var/log/ts/config"


def test_a_file_that_is_only_being_written_is_no_snapshot():
    files = disk()
    files.files["logs/config/.startup.cfg.1234"] = (9, "")
    assert files.translate().tree["repository"] == ["s/usual.mar"]


def test_a_snapshot_may_say_that_a_model_has_no_workers():
    (model,) = disk(startup=(3, snapshot("a", workers=0))).translate().tree["models"]
    assert (model["handler"]["min_workers"], model["handler"]["max_workers"]) == (0, 0)


def test_a_snapshot_holds_all_keys_but_what_opens_the_keystore():
    files = disk()
    text = "model_store=s\nkeystore=k.p12\nkeystore_pass=secret\njob_queue_size=7\n"
    files.files["config.properties"] = (9, text)
    kept = files.translate("--models", "a.mar", "--dt").tree["snapshots"]["properties"]
    assert kept == {
        "model_store": "s",
        "keystore": "k.p12",
        "job_queue_size": "7",
        "load_models": "a.mar",
        "disable_token_authorization": "true",
        "tsConfigFile": "config.properties",
    }


def test_what_opens_the_keystore_comes_from_the_file_that_a_snapshot_came_from():
    rest = "inference_address=https://h:1\nkeystore=k.p12\ntsConfigFile=config.properties\n"
    files = disk(startup=(3, snapshot("a", rest=rest)))
    files.files["config.properties"] = (9, "keystore_pass=secret\njob_queue_size=7\n")
    made = files.translate()
    assert made.tree["listeners"][0]["tls"] == {"keystore": "k.p12", "keystore_password": "secret"}
    assert "job_queue_size" not in made.tree["every_model"]["handler"]

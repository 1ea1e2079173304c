"""`dragoman check` and `dragoman config`."""

import json

import pytest
import yaml

from dragoman.cli.main import run
from dragoman.settings.server import ServerSettings

LIST = """
model_config_list {
  config { name: "a" base_path: "%s" model_platform: "tensorflow" }
}
"""


@pytest.fixture
def models(tmp_path):
    """A repository whose only model has two versions."""
    for version in ("1", "2"):
        (tmp_path / "models" / "a" / version).mkdir(parents=True)
        (tmp_path / "models" / "a" / version / "model.onnx").touch()
    return tmp_path / "models"


@pytest.fixture
def config(tmp_path, models):
    """A good dragoman.yaml."""
    path = tmp_path / "dragoman.yaml"
    path.write_text("models: [{name: a, path: models/a, versions: all}]\n")
    return path


def test_good_settings_are_told_with_the_models_that_would_be_served(config, capsys):
    assert run(["check", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == ["a: versions 1, 2", "the settings are good"]


def test_a_repository_is_checked_too(models, capsys):
    assert run(["check", str(models)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "a: version 2"


def test_a_broken_model_yaml_fails_the_check(models, capsys):
    (models / "a" / "model.yaml").write_text("version: all")
    assert run(["check", str(models)]) == 1
    assert "a/model.yaml:1: version: there is no such key; did you mean versions?" in capsys.readouterr().err


def test_a_model_that_is_not_there_fails_the_check(config, capsys):
    config.write_text("models: [{name: b, path: nowhere}]")
    assert run(["check", str(config)]) == 1
    assert "b: there is no such file or folder" in capsys.readouterr().err


def test_mistakes_are_told_all_at_once(config, capsys):
    config.write_text("models: [{path: b}]\nlistener: []")
    assert run(["check", str(config)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


PIPELINES = """
models: [{name: a, path: models/a}]
pipelines:
- name: p
  inputs: [in, idle]
  nodes:
  - {name: first, model: a, inputs: {x: request.in}}
  - {name: second, model: a, inputs: {x: first.y}}
  outputs: {out: second.y}
"""


def test_pipelines_are_checked_as_far_as_they_can_be_without_their_models(config, capsys):
    config.write_text(PIPELINES)
    assert run(["check", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a: version 2",
        "p: version 1",
        "  inputs: idle goes nowhere, and is none",
        "the settings are good",
    ]


def test_every_rule_that_pipelines_break_is_told_with_line_and_key(config, capsys):
    text = PIPELINES.replace("request.in", "nobody.in").replace("second.y", "second.y, more: third.y")
    config.write_text(text)
    assert run(["check", str(config)]) == 1
    missing = "Pipeline definition has reference to missing node - "
    known = "there is request, first, second"
    assert capsys.readouterr().err.splitlines() == [
        f"dragoman: {config}:7: pipelines[0].nodes[0].inputs.x: {missing}"
        f'node "first", input "x": there is no node "nobody"; {known}',
        f'{config}:9: pipelines[0].outputs.more: {missing}output "more": there is no node "third"; {known}',
    ]


def test_a_tensorflow_serving_command_line_is_checked(models, tmp_path, capsys):
    (tmp_path / "list").write_text(LIST % (models / "a"))
    line = ["--as", "tfserving", f"--model_config_file={tmp_path / 'list'}", "--frob=1"]
    assert run(["check", *line]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "a: version 2"
    assert "--frob=1: ignored: unknown argument: --frob=1" in err


@pytest.mark.parametrize("verb", [["check"], ["serve"]])
def test_nothing_to_serve_is_wrong_usage(verb, capsys):
    assert run(verb) == 2
    assert "PATH" in capsys.readouterr().err


def test_what_cannot_be_honoured_ends_the_start(models, capsys):
    assert run(["check", str(models), "--as", "tfserving", "--use_alts_credentials"]) == 1
    assert "--use_alts_credentials: there is no ALTS" in capsys.readouterr().err
    assert (
        run(["check", str(models), "--allow-unsupported", "--as", "tfserving", "--use_alts_credentials"]) == 0
    )


def test_two_files_of_settings_are_wrong_usage(config, capsys):
    assert run(["check", str(config), "--config", str(config)]) == 2
    assert "both files of settings" in capsys.readouterr().err


def test_the_settings_in_force_are_shown_with_their_origins(config, capsys, monkeypatch):
    monkeypatch.setenv("DRAGOMAN_LIMITS__CONNECTIONS", "7")
    assert run(["config", "show", str(config), "--port", "9", "--json"]) == 0
    rows = {row["key"]: (row["value"], row["origin"]) for row in json.loads(capsys.readouterr().out)}
    assert rows["listeners[0].port"] == (9, "--port")
    assert rows["limits.connections"] == (7, "environment DRAGOMAN_LIMITS__CONNECTIONS")
    assert rows["models[0].name"] == ("a", f"{config}:1")
    assert rows["limits.drain_s"] == (25.0, "default")


def test_the_settings_are_shown_line_by_line(config, capsys):
    assert run(["config", "show", str(config)]) == 0
    assert "config_poll_s" in capsys.readouterr().out


def test_the_schema_is_one_of_this_form(capsys):
    assert run(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["$defs"]["ServerSettings"]["properties"]) == set(ServerSettings.__struct_fields__)


def test_a_file_of_tensorflow_serving_is_translated_by_its_content(models, tmp_path, capsys):
    (tmp_path / "list").write_text(LIST % (models / "a"))
    assert run(["config", "translate", str(tmp_path / "list")]) == 0
    out = capsys.readouterr().out
    assert yaml.safe_load(out)["models"] == [{"name": "a", "path": str(models / "a")}]
    assert "# --model_config_file: honoured" in out


def test_our_own_environment_is_no_part_of_a_translation(models, capsys, monkeypatch):
    monkeypatch.setenv("DRAGOMAN_LIMITS__CONNECTIONS", "7")
    assert run(["config", "translate", "--as", "tfserving", f"--model_base_path={models / 'a'}"]) == 0
    assert "connections" not in capsys.readouterr().out


def test_a_file_that_is_nobodys_is_told(config, capsys):
    assert run(["config", "translate", str(config)]) == 1
    assert "is not recognised" in capsys.readouterr().err


def test_a_translation_of_nothing_is_wrong_usage(capsys):
    assert run(["config", "translate"]) == 2
    assert "--as NAME" in capsys.readouterr().err

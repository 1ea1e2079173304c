"""Models that change while the server runs: by their files, and by the command line."""

import json
import shutil

import pytest

from tests.e2e.process import DIGITS, dragoman_run, fetch, serving

MODEL = "/v1/models/digits"
IMAGE = json.dumps({"inputs": [[1.0] * 64]})
SETTINGS = "repository: models\npolling: {poll_s: 0.05, settle_s: 0.1}\n"


@pytest.fixture
def root(tmp_path):
    """A folder of settings with a repository of one model."""
    shutil.copytree(DIGITS, tmp_path / "models" / "digits")
    (tmp_path / "dragoman.yaml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def server(root):
    with serving("serve", str(root / "dragoman.yaml"), "--port", "0") as server:
        yield server


def states(server):
    _, document = fetch(server.url + MODEL)
    return {int(version["version"]): version["state"] for version in document["model_version_status"]}


def test_a_version_that_is_copied_into_the_folder_takes_over(root, server):
    shutil.copytree(root / "models" / "digits" / "1", root / "models" / "digits" / "2")
    server.read_until("digits version 2: ready")
    assert states(server)[2] == "AVAILABLE"
    assert fetch(f"{server.url}{MODEL}/versions/2:predict", IMAGE)[0] == 200


def test_a_version_that_is_cut_off_leaves_the_old_one_until_it_is_whole(root, server):
    whole = (root / "models" / "digits" / "1" / "model.onnx").read_bytes()
    new = root / "models" / "digits" / "2"
    new.mkdir()
    (new / "model.onnx").write_bytes(whole[:100])
    server.read_until("digits version 2: failed")
    assert states(server) == {1: "AVAILABLE", 2: "END"}
    assert fetch(f"{server.url}{MODEL}:predict", IMAGE)[0] == 200
    (new / "model.onnx").write_bytes(whole)
    server.read_until("digits version 2: ready")


def test_a_base_path_that_vanishes_takes_nothing_with_it(root, server):
    (root / "models").rename(root / "aside")
    shutil.copytree(root / "aside" / "digits" / "1", root / "aside" / "digits" / "2")
    assert fetch(f"{server.url}{MODEL}:predict", IMAGE)[0] == 200
    (root / "aside").rename(root / "models")
    server.read_until("digits version 2: ready")
    assert fetch(f"{server.url}{MODEL}:predict", IMAGE)[0] == 200


def test_a_model_that_is_moved_away_is_unloaded_and_another_one_is_not(root, server):
    shutil.copytree(root / "models" / "digits", root / "models" / "other")
    server.read_until("other version 1: ready")
    shutil.rmtree(root / "models" / "digits")
    shutil.copytree(root / "models" / "other" / "1", root / "models" / "other" / "2")
    server.read_until("other version 2: ready")
    assert fetch(f"{server.url}{MODEL}:predict", IMAGE)[0] == 404


def test_the_verbs_load_unload_reload_and_show(root, server):
    def verb(*words):
        ended = dragoman_run(*words, "--url", server.url)
        return ended.returncode, ended.stdout, ended.stderr

    def row(text):
        return [line.split() for line in text.splitlines() if line.startswith("digits")]

    code, shown, _ = verb("show", "digits")
    assert code == 0
    assert "  version 1: ready, onnx" in shown.splitlines()
    assert [line.split() for line in shown.splitlines() if "image" in line] == [
        ["in", "image", "float32", "[?,", "64]"]
    ]
    assert row(verb("unload", "digits")[1]) == [["digits", "1", "onnx", "gone"]]
    assert fetch(f"{server.url}{MODEL}:predict", IMAGE)[0] != 200
    assert row(verb("load", "digits")[1]) == [["digits", "1", "onnx", "ready"]]
    assert row(verb("unload", "digits:1")[1]) == [["digits", "1", "onnx", "gone"]]
    assert row(verb("load", "digits:1")[1]) == [["digits", "1", "onnx", "ready"]]
    assert verb("reload")[1].splitlines()[-1] == "nothing has changed"
    (root / "models" / "digits" / "1" / "model.onnx").write_bytes(b"this is no model")
    code, _, why = verb("reload", "digits")
    assert (code, why.startswith("dragoman: model.onnx does not load")) == (1, True)
    assert fetch(f"{server.url}{MODEL}:predict", IMAGE)[0] == 200
    notes = json.loads(verb("show", "digits", "--json")[1])["notes"]
    assert notes[0].startswith(
        "version 1 serves as it was, its changes do not load: model.onnx does not load"
    )


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("load", "nobody"), 1, "there is no model 'nobody'"),
        (("show", "nobody"), 1, "there is no model 'nobody'"),
        (("unload", "digits:9"), 1, "model 'digits' has no version 9"),
        (("load", "digits:new"), 2, "'new' is no version: give a number, as in digits:2"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(server, words, code, why):
    ended = dragoman_run(*words, "--url", server.url)
    assert (ended.returncode, ended.stderr) == (code, f"dragoman: {why}\n")


def test_an_empty_model_folder_is_listed_with_its_reason(root, server):
    (root / "models" / "none").mkdir()
    dragoman_run("reload", "--url", server.url)
    lines = dragoman_run("models", "--url", server.url).stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.split() == ["none", "empty"])
    assert lines[at + 1] == "  none holds neither a version folder (named by a number) nor a model file"

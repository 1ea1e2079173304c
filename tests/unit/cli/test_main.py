"""The command itself: verbs, usage errors, and what it does not load."""

import json
import subprocess
import sys

import pytest

import dragoman
from dragoman.cli.main import VERBS, run

HEAVY = (
    "numpy",
    "onnxruntime",
    "PIL",
    "uvloop",
    "asyncio",
    "structlog",
    "prometheus_client",
    "dragoman.core",
)


def test_help_names_every_verb(capsys):
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f" {verb} " in out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert run([verb, "--help"]) == 0
    assert f"Usage: dragoman {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["version"],
        ["models", "--help"],
        ["models", "--url", "x"],
        ["predict", "--help"],
        ["convert", "--help"],
    ],
)
def test_light_verbs_load_nothing_heavy(arguments):
    program = f"import sys, dragoman.cli.main as m; m.run({arguments}); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    ).stderr.split()
    assert "dragoman.cli.main" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["frob"], f"'frob' is not one of {', '.join(VERBS)}"),
        (["version", "--frob"], "--frob"),
        (["serve"], "PATH"),
        (["serve", "/no/such/folder"], "'/no/such/folder'"),
        (["serve", ".", "--port", "65536"], "65536"),
        (["serve", ".", "--port", "http"], "http"),
        (["serve", ".", "--as", "nobody"], "nobody"),
        (["demo", "--digit", "10"], "10"),
        (["models", "--url", "127.0.0.1:8000"], "127.0.0.1:8000"),
        (["convert"], "SOURCE"),
        (["convert", "/no/such/file"], "/no/such/file"),
        (["convert", ".", "--rows", "0"], "0"),
        (["convert", ".", "--tolerance", "-1"], "-1"),
    ],
)
def test_wrong_usage_ends_with_two_and_says_what_is_wrong(arguments, told, capsys):
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dragoman: ")
    assert told in err
    assert len(err.splitlines()) <= 2


def test_version_is_the_packages(capsys):
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith(f"dragoman {dragoman.__version__} (")


def test_version_as_json_says_the_same(capsys):
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dragoman"] == dragoman.__version__

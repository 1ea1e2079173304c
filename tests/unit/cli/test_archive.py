"""`dragoman archive`: the archives that torch-model-archiver 0.12 makes of the same flags.

MADE holds the members and the manifest's model that it wrote of these files; WRITTEN the forms' own files.
"""

import json
import os
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.main import run
from dragoman.repository.archives.heads import Heads

FILES = {
    "src/service.py": "def handle(data, context): return data\n",
    "src/net.py": "class Net: ...\n",
    "w/weights.pt": "weights",
    "need/requirements.txt": "",
    "conf/model-config.yaml": "minWorkers: 1\n",
    "more/index_to_name.json": "{}",
    "more/inner/deep/words.txt": "a",
    "more/__pycache__/x.pyc": "",
    "more/.git/head": "",
    "more/.hidden": "",
    "one.txt": "",
    "two.txt": "",
}
COMMON = ["--model-name", "m", "--version", "1.0"]
M: Any = {"modelName": "m", "modelVersion": "1.0"}
MADE: Any = [
    (["--handler", "src/service.py"], {"service.py"}, {"handler": "service.py"}),
    (["--handler", "src/service"], {"service.py"}, {"handler": "service"}),
    (["--handler", "src/service:answer"], {"service.py"}, {"handler": "service:answer"}),
    (["--handler", "image_classifier"], set(), {"handler": "image_classifier"}),
    (
        ["--handler", "src/service.py", "--serialized-file", "w/weights.pt", "--model-file", "src/net.py"],
        {"service.py", "weights.pt", "net.py"},
        {"handler": "service.py", "serializedFile": "weights.pt", "modelFile": "net.py"},
    ),
    (
        ["--handler", "src/service.py", "-r", "need/requirements.txt", "-c", "conf/model-config.yaml"],
        {"service.py", "requirements.txt", "model-config.yaml"},
        {
            "handler": "service.py",
            "requirementsFile": "requirements.txt",
            "configFile": "model-config.yaml",
        },
    ),
    (
        ["--handler", "src/service.py", "--extra-files", "more,one.txt,t*.txt,none*"],
        {"service.py", "index_to_name.json", "inner/deep/words.txt", ".hidden", "one.txt", "two.txt"},
        {"handler": "service.py"},
    ),
]
FORMS = {"default": "m.mar", "zip-store": "m.mar", "tgz": "m.tar.gz", "no-archive": "m"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def archived(*words: str) -> int:
    return run(["archive", *COMMON, *words])


def held(path: Path) -> dict[str, bytes]:
    """What an archive of any form holds."""
    if path.is_dir():
        return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    if path.suffix == ".gz":
        with tarfile.open(path) as tar:
            return {
                one.name.removeprefix("m/"): (tar.extractfile(one) or BytesIO()).read()
                for one in tar.getmembers()
            }
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.parametrize(("words", "members", "model"), MADE)
def test_members_and_manifest_are_the_reference_s(place: Path, words: Any, members: Any, model: Any) -> None:
    assert archived(*words) == 0
    found = held(place / "m.mar")
    assert set(found) == {*members, "MAR-INF/MANIFEST.json"}
    manifest = json.loads(found["MAR-INF/MANIFEST.json"])
    assert list(manifest) == ["createdOn", "runtime", "model", "archiverVersion"]
    assert (manifest["runtime"], manifest["model"]) == ("python", M | model)


@pytest.mark.parametrize(("form", "file"), FORMS.items())
def test_every_form_holds_the_same_and_is_read_as_an_archive(place: Path, form: str, file: str) -> None:
    words = ["--handler", "src/service.py", "--extra-files", "more", "--archive-format", form]
    assert archived(*words, "--export-path", "new/place") == 0
    found = held(place / "new/place" / file)
    assert set(found) == {
        *("service.py", "index_to_name.json", "inner/deep/words.txt", ".hidden", "MAR-INF/MANIFEST.json")
    }
    assert found["service.py"] == FILES["src/service.py"].encode()
    head = Heads().read(str(place / "new/place" / file))
    assert (head.problem, head.manifest.model.model_name, head.manifest.model.handler) == (
        "",
        "m",
        "service.py",
    )
    assert os.listdir(place / "new/place") == [file]


def test_a_mar_is_compressed_unless_it_is_to_be_stored(place: Path) -> None:
    for form, compression in (("default", zipfile.ZIP_DEFLATED), ("zip-store", zipfile.ZIP_STORED)):
        assert archived("--handler", "src/service.py", "--archive-format", form, "-f") == 0
        with zipfile.ZipFile(place / "m.mar") as opened:
            assert {info.compress_type for info in opened.infolist()} == {compression}


def test_an_archive_that_is_there_stays_unless_it_is_to_be_replaced(place: Path, capsys: Any) -> None:
    (place / "m.mar").write_text("mine")
    assert archived("--handler", "src/service.py") == 1
    assert (place / "m.mar").read_text() == "mine"
    assert "m.mar already exists; --force replaces it" in capsys.readouterr().err
    assert archived("--handler", "src/service.py", "--force") == 0
    assert "service.py" in held(place / "m.mar")


def test_a_folder_is_replaced_only_where_it_is_an_archive(place: Path, capsys: Any) -> None:
    words = ["--handler", "src/service.py", "--archive-format", "no-archive", "-f"]
    (place / "m").mkdir()
    (place / "m" / "thesis.txt").write_text("mine")
    assert archived(*words) == 1
    assert "is a folder that is no model archive: it stays" in capsys.readouterr().err
    (place / "m" / "MAR-INF").mkdir()
    (place / "m" / "MAR-INF" / "MANIFEST.json").write_text("{}")
    assert archived(*words) == 0
    assert set(held(place / "m")) == {"service.py", "MAR-INF/MANIFEST.json"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--handler", "absent.py"],
            "handler: absent.py: there is no such file; nor is it one of the handlers",
        ),
        (["--handler", "imageclassifier"], "handler: imageclassifier.py: there is no such file"),
        (["--handler", "src/service.py", "--model-file", "x.py"], "model file: x.py: there is no such file"),
        (["--handler", "src/service.py", "-c", "conf"], "config file: conf: there is no such file"),
        (["--handler", "src/service.py", "--extra-files", "x"], "extra files: x: there is no such file"),
        (["--handler", "src/service.py", "--export-path", "one.txt"], "one.txt"),
        (["--handler", "src/service.py", "--extra-files", "twin"], "would both be called service.py"),
        (["--handler", "src/service.py", "--extra-files", "old"], "the manifest is written anew"),
        (["--handler", "src/service.py", "--extra-files", "loop"], "leads back to a folder that it lies in"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    place: Path, words: Any, told: str, capsys: Any
) -> None:
    for path in ("twin/service.py", "old/MAR-INF/MANIFEST.json", "loop/a/b.txt"):
        (place / path).parent.mkdir(parents=True)
        (place / path).write_text("other")
    (place / "loop/a/back").symlink_to(place / "loop")
    before = sorted(os.listdir(place))
    assert archived(*words) == 1
    assert told in capsys.readouterr().err
    assert sorted(os.listdir(place)) == before


def test_a_wildcard_that_no_file_has_is_told(place: Path, capsys: Any) -> None:
    assert archived("--handler", "src/service.py", "--extra-files", "none*") == 0
    assert "extra files: none*: no file is called so" in capsys.readouterr().err


def test_a_file_that_is_named_twice_is_there_once(place: Path) -> None:
    assert archived("--handler", "src/service.py", "--extra-files", "src/service.py,src") == 0
    assert set(held(place / "m.mar")) == {"service.py", "net.py", "MAR-INF/MANIFEST.json"}


@pytest.mark.parametrize("name", ["a b", "-a", ".a", "a/b", "", "../m"])
def test_a_name_is_letters_digits_and_three_signs(place: Path, name: str, capsys: Any) -> None:
    words = [f"--model-name={name}", "--version=1.0", "--handler=src/service.py"]
    assert run(["archive", *words]) == 1
    assert f"{name!r} is no name for a model" in capsys.readouterr().err

"""Model archives served by a process of their own. Those here hold an ONNX model, which `engine` names."""

import contextlib
import http.client
import json
import signal

import pytest

from tests.e2e.process import dragoman_run, serving
from tests.unit.engines.graphs import half_plus_two
from tests.unit.repository.archives.built import good, write_zip


@pytest.fixture
def place(tmp_path):
    """Where archives are unpacked."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return folder


def half(path, version="1.5"):
    """An archive of half_plus_two."""
    return write_zip(path, good("half", version, **{"model.onnx": half_plus_two().SerializeToString()}))


def settings(tmp_path):
    """Flags for settings by which every model is run by ONNX Runtime."""
    path = tmp_path / "dragoman.yaml"
    path.write_text("every_model: {engine: onnx}\narchives: {folder: unpacked}\n")
    return ("--config", str(path), "--port", "0", "--grpc-port", "0")


def predicted(server, model):
    """What a model answers."""
    with contextlib.closing(http.client.HTTPConnection(*server.address)) as connection:
        connection.request("POST", f"/v1/models/{model}:predict", b'{"instances": [1.0, 2.0]}')
        return json.loads(connection.getresponse().read())


def test_an_archive_that_the_command_line_names_is_served_and_leaves_nothing(tmp_path, place):
    path = half(tmp_path / "x.mar")
    with serving("serve", str(path), *settings(tmp_path)) as server:
        assert predicted(server, "half") == {"predictions": [2.5, 3.0]}
        assert "half version 1 (1.5): ready" in server.lines
        (unpacked,) = place.iterdir()
        assert any(unpacked.rglob("model.onnx"))
        listed = dragoman_run("models", "--url", server.url)
        assert "half   1 (1.5)  onnx    ready" in listed.stdout
        assert server.end(signal.SIGTERM) == 0
    assert list(place.iterdir()) == []


def test_a_store_of_archives_is_served_where_it_is_trusted_and_each_that_is_bad_says_why(tmp_path, place):
    store = tmp_path / "store"
    half(store / "a.mar", "1.0")
    half(store / "b.mar", "2.0")
    write_zip(store / "slip.mar", {**good("slip"), "../../escaped.txt": b"x"})
    write_zip(store / "empty.mar", {"echo.py": b""})
    flags = settings(tmp_path)
    before = sorted(tmp_path.iterdir())
    with serving("serve", str(store), "--trust-code", *flags) as server:
        assert predicted(server, "half") == {"predictions": [2.5, 3.0]}
        shown = "\n".join(server.lines)
        assert "half version 2 (2.0): ready" in shown
        assert (
            "slip version 1 (1.0): failed: slip.mar is not unpacked: "
            "the member '../../escaped.txt' has the component '..'" in shown
        )
        assert "empty.mar holds no MAR-INF/MANIFEST.json, which says what the model is" in shown
        assert server.end(signal.SIGTERM) == 0
    assert list(place.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == before


def test_a_store_that_nobody_trusts_is_not_unpacked(tmp_path, place):
    half(tmp_path / "store" / "a.mar")
    with serving("serve", str(tmp_path / "store"), *settings(tmp_path)) as server:
        assert any("a model archive, which brings code" in line for line in server.lines)
        assert list(place.iterdir()) == []


def test_what_a_killed_server_left_is_deleted_by_the_next(tmp_path, place):
    path = half(tmp_path / "x.mar")
    flags = settings(tmp_path)
    with serving("serve", str(path), *flags) as server:
        (left,) = place.iterdir()
        server.end(signal.SIGKILL)
    assert left.exists()
    with serving("serve", str(path), *flags) as server:
        assert not left.exists()
        assert server.end(signal.SIGTERM) == 0

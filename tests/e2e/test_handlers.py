"""Handlers of model archives, good and bad, in a server of their own.

The bad ones are all that a handler can do wrong: none of them may harm the server or another model.
"""

import contextlib
import http.client
import json
import textwrap
import zipfile
from pathlib import Path

import pytest

from tests.conformance.handler_archives import write_archive
from tests.e2e.process import dragoman_run, fetch, serving

SETTINGS = "log: {level: error}\nevery_model: {trust: code}\n"  # nobody reads what the server logs
ECHO = "def handle(data, context):\n    return data and [bytes(row['body']) for row in data]\n"
# Each is loaded; then a call gets this status and message.
FAILING = {
    "raises": ("raise ValueError('a secret')", 503, "Prediction failed"),
    "short": ("return []", 503, "number of batch response mismatched"),
    "no_list": ("return 'text'", 503, "Invalid model predict output"),
    "unwritable": ("return [object()]", 503, "Unsupported model output data type."),
    "exits": ("os._exit(3)", 500, "Worker died."),
    "leaves": ("sys.exit(4)", 500, "Worker died."),
    "killed": ("os.kill(os.getpid(), 9)", 507, "Worker died."),
    "hangs": ("time.sleep(3600)", 500, "Worker died."),
    "recurses": ("return handle(data, context)", 503, "Prediction failed"),
}
FAILS_TO_INITIALIZE = """\
class H:
    def initialize(self, context):
        raise KeyError('a secret')

    def handle(self, data, context):
        return data
"""
# Each does not load, for this reason.
BROKEN = {
    "no_import": ("import no_such_module", "needs the module no_such_module, which is not there"),
    "fails_on_import": ("raise ValueError('a secret')", "raised ValueError in line 1 of h.py"),
    "no_syntax": ("def handle(:", "raised SyntaxError"),
    "no_entry": ("x = 1", "raised ValueError"),
    "fails_to_initialize": (FAILS_TO_INITIALIZE, "raised KeyError in line 3 of h.py"),
    "exits_on_import": ("import os\nos._exit(5)", "ended while it loaded the model (exit code 5)"),
    "hangs_on_import": ("import time\ntime.sleep(3600)", "not loaded within 1 s (handler.startup_timeout_s)"),
}
HANDLING = """\
import os
import sys
import time


def handle(data, context):
    if data is None:
        return None
"""
PRINTS = """\
block = (b'x' * 99 + b'\\n') * 10486
for _ in range(2048):
    os.write(1, block)
return ['done']
"""
TWICE = """\
def handle(data, context):
    return data and [2 * (row['data'][0] if isinstance(row, dict) else row) for row in data]
"""


def handling(body: str) -> str:
    """A handler that loads, and then does this."""
    return HANDLING + textwrap.indent(body, "    ") + "\n"


def archive(path: Path, code: str, config: str = "", **more: str | bytes) -> Path:
    """An archive whose model is called as its file is."""
    model = {"modelName": path.stem, "handler": "h.py", "modelVersion": "1.0"}
    held: dict[str, str | bytes] = {"h.py": code, **more}
    if "requirements.txt" in held:
        model["requirementsFile"] = "requirements.txt"
    if config:
        model["configFile"] = "model-config.yaml"
        held["model-config.yaml"] = config
    held["MAR-INF/MANIFEST.json"] = json.dumps({"runtime": "python", "model": model})
    return write_archive(path, held)


def served(path, more=""):
    """A server of this archive, or of all in this folder."""
    config = path.with_name("dragoman.yaml")
    config.write_text(SETTINGS + more)
    return serving("serve", str(path), "--config", str(config), "--port", "0", "--grpc-port", "0")


def ask(server, model, body=b"hello"):
    """Status and body of a prediction."""
    with contextlib.closing(http.client.HTTPConnection(*server.address, timeout=60)) as connection:
        connection.request("POST", f"/predictions/{model}", body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def message(body: bytes) -> str:
    return json.loads(body)["message"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of a good handler among all the bad ones."""
    store = tmp_path_factory.mktemp("bad") / "store"
    archive(store / "good.mar", ECHO)
    for name, (body, _, _) in FAILING.items():
        archive(store / f"{name}.mar", handling(body), "responseTimeout: 1\n" if name == "hangs" else "")
    for name, (code, _) in BROKEN.items():
        archive(store / f"{name}.mar", code, "startupTimeout: 1\n" if name == "hangs_on_import" else "")
    manifest = {"model": {"handler": "not_there.py"}}
    write_archive(store / "no_handler.mar", {"MAR-INF/MANIFEST.json": json.dumps(manifest)})
    with served(store) as running:
        yield running


@pytest.mark.parametrize("name", FAILING)
def test_a_handler_that_fails_is_answered_for_and_harms_nobody(server, name):
    _, status, words = FAILING[name]
    got, body = ask(server, name)
    assert (got, message(body)) == (status, words)
    assert b"secret" not in body
    assert ask(server, "good") == (200, b"hello")
    assert ask(server, name)[0] == status


@pytest.mark.parametrize("name", [*BROKEN, "no_handler"])
def test_a_handler_that_does_not_load_says_why(server, name):
    words = BROKEN[name][1] if name in BROKEN else "needs the module not_there, which is not there"
    line = [line for line in server.lines if line.startswith(f"{name} version")][-1]
    assert "failed" in line
    assert words in line
    assert "secret" not in line
    status, body = ask(server, name)
    assert (status, b"secret" in body) == (503, False)
    assert ask(server, "good") == (200, b"hello")


def test_ping_says_that_not_every_model_is_well(server):
    assert fetch(f"{server.url}/ping") == (500, {"status": "Unhealthy"})


def test_a_handler_that_prints_gigabytes_is_answered_and_the_server_stays_small(tmp_path):
    path = archive(tmp_path / "printer.mar", handling(PRINTS))
    with served(path) as server:
        assert ask(server, "printer") == (200, b"done")
        status = Path(f"/proc/{server.process.pid}/status").read_text()
    most_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert most_kb < 300_000


def test_two_models_do_not_see_each_others_modules(tmp_path):
    code = "import helper\n" + ECHO.replace("bytes(row['body'])", "helper.NAME")
    for name in ("one", "two"):
        archive(tmp_path / "store" / f"{name}.mar", code, **{"helper.py": f"NAME = {name!r}\n"})
    with served(tmp_path / "store") as server:
        assert ask(server, "one") == (200, b"one")
        assert ask(server, "two") == (200, b"two")


def toys() -> bytes:
    """A package with a number in it, as a wheel."""
    path = Path("toys-1.0-py3-none-any.whl")
    told = "toys-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("toys.py", "NUMBER = 7\n")
        wheel.writestr(f"{told}/METADATA", "Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
        wheel.writestr(f"{told}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{told}/RECORD", "")
    return path.read_bytes()


@pytest.mark.parametrize("config", ["", "useVenv: true\n"])
def test_a_model_has_the_packages_that_it_lists_and_no_other_model_has(tmp_path, monkeypatch, config):
    monkeypatch.chdir(tmp_path)
    wheel = "toys-1.0-py3-none-any.whl"
    packages = {"requirements.txt": f"--no-index\n./{wheel}\n", wheel: toys()}
    code = "import toys\nimport ts\n" + ECHO.replace("bytes(row['body'])", "toys.NUMBER")
    store = tmp_path / "store"
    archive(store / "player.mar", code, config, **packages)
    archive(store / "other.mar", code)
    with served(store, "archives: {install_requirements: true}\n") as server:
        assert ask(server, "player") == (200, b"7")
        assert any("other version" in line and "needs the module toys" in line for line in server.lines)


def test_one_handler_answers_every_protocol(tmp_path):
    path = archive(tmp_path / "twice.mar", TWICE)
    with served(path) as server:
        rows = b'{"instances": [1.5, 2.5]}'
        assert fetch(f"{server.url}/v1/models/twice:predict", rows) == (200, {"predictions": [3.0, 5.0]})
        x = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1.5]}
        status, answer = fetch(f"{server.url}/v2/models/twice/infer", json.dumps({"inputs": [x]}).encode())
        assert (status, answer["outputs"][0]["data"]) == (200, [3.0])
        assert fetch(f"{server.url}/ping") == (200, {"status": "Healthy"})


def test_workers_are_scaled_and_shown(tmp_path):
    path = archive(tmp_path / "m.mar", ECHO)
    with served(path) as server:
        scale = f"{server.url}/dragoman/models/m:scale"
        assert fetch(scale, b'{"min_workers": 2}')[0] == 200
        shown = dragoman_run("show", "m", "--url", server.url).stdout
        assert "workers: 2, from 2 to 2" in shown
        assert shown.count("ready, process") == 2
        assert fetch(f"{server.url}/v2/models/m/ready")[0] == 200
        assert fetch(scale, b'{"min_workers": 0}')[0] == 200
        status, body = ask(server, "m")
        assert (status, "has no worker to serve inference request" in message(body)) == (503, True)
        assert fetch(f"{server.url}/v2/models/m/ready")[0] == 503
        assert fetch(f"{server.url}/ping") == (200, {"status": "Healthy"})


def test_what_a_handler_measures_is_among_the_metrics(tmp_path):
    body = "context.metrics.add_counter('Cups', 2, idx=0)\nreturn ['tea']"
    path = archive(tmp_path / "tea.mar", handling(body))
    with served(path) as server:
        assert ask(server, "tea") == ask(server, "tea") == (200, b"tea")
        with contextlib.closing(http.client.HTTPConnection(*server.address)) as connection:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
    (line,) = [line for line in lines if line.startswith("dragoman_handler_Cups_total")]
    assert 'model="tea"' in line
    assert line.endswith(" 4.0")

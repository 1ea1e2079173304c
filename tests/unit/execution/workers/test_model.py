"""Loading models into workers, and calling them before they serve."""

import gc
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import Artifact, PythonEnvironment
from dragoman.engines.onnx import OnnxEngine
from dragoman.engines.python_model import PythonModelEngine
from dragoman.execution.workers.model import placed
from dragoman.execution.workers.records import MOST_CHARACTERS
from dragoman.settings.model import ModelSettings, WorkerSettings
from tests.contract.engines import CALL, tensor
from tests.meta.contracts import TREE
from tests.unit.execution.workers.served import OBEDIENT, ask, copied, load, text


def model(folder: Path, text: str) -> Path:
    path = folder / "model.py"
    path.write_text(text)
    return path


def failure(path: Path, **settings: object) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(path, **settings)
    assert str(path.parent) not in caught.value.message
    return caught.value


def test_only_engines_that_run_code_are_placed_in_workers() -> None:
    assert type(placed(OnnxEngine)) is OnnxEngine
    isolated = placed(PythonModelEngine)
    assert isinstance(isolated, PythonModelEngine)
    assert type(isolated).load is not PythonModelEngine.load


def test_what_the_engine_raises_is_raised_and_no_worker_is_left(tmp_path: Path) -> None:
    gc.collect()  # what earlier tests have left is closed now, not meanwhile
    before = len(os.listdir("/proc/self/fd"))
    error = failure(model(tmp_path, "class Model: pass"), instances=2)
    assert (error.code, error.message) == (
        Code.INVALID_ARGUMENT, "model.py: there is no class with a method predict",
    )  # fmt: skip
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_worker_that_ends_while_it_loads_says_how(tmp_path: Path) -> None:
    error = failure(model(tmp_path, "import os\nprint('last words', flush=True)\nos._exit(7)"))
    assert error.code is Code.INTERNAL
    assert "ended while it loaded the model (exit code 7)" in error.message


def test_what_a_worker_printed_before_it_ended_is_in_the_log(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        failure(model(tmp_path, "import os\nprint('last words')\nos._exit(7)"))
    assert [line["line"] for line in logs if line["event"] == "output"] == ["last words"]


def test_a_model_that_never_loads_is_given_up(tmp_path: Path) -> None:
    path = model(tmp_path, "import threading\nthreading.Event().wait()")
    error = failure(path, worker=WorkerSettings(load_timeout_s=1e-6))
    assert error.code is Code.DEADLINE_EXCEEDED
    assert "worker.load_timeout_s" in error.message


def test_a_machine_without_what_workers_need_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert failure(OBEDIENT).message == "models that are loaded in worker processes need Linux"


def test_a_server_that_cannot_start_a_process_says_so_and_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.collect()  # what earlier tests have left is closed now, not meanwhile
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    error = failure(OBEDIENT)
    assert (error.code, error.message) == (
        Code.UNAVAILABLE, "the server cannot start a worker: no such file or directory",
    )  # fmt: skip
    assert len(os.listdir("/proc/self/fd")) == before


def test_loading_leaves_no_files_beside_the_model(tmp_path: Path) -> None:
    load(copied(tmp_path)).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate", "model.py"]


LOGS = """
import structlog
class Model:
    inputs = outputs = {"x": "float64"}
    def predict(self, inputs):
        for number in range(3000):
            structlog.get_logger().warning("said", number=number, text="x" * 100_000)
        return inputs
"""


def test_structured_lines_are_logged_with_the_models_name_and_rationed(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        found = load(model(tmp_path, LOGS))
        request = TensorRequest(DEFAULT_SIGNATURE, {"x": tensor(np.ones(1))})
        found.infer(request, CALL)
        found.close()
    said = [line for line in logs if line["event"] == "said"]
    assert said[0]["log_level"] == "warning"
    assert (said[0]["model"], said[0]["instance"], said[0]["number"]) == ("m", 0, "0")
    assert len(said[0]["text"]) == MOST_CHARACTERS
    assert len(said) < 3000


def test_a_model_that_prints_gigabytes_while_it_loads_still_loads(tmp_path: Path) -> None:
    path = model(tmp_path, OBEDIENT.read_text() + "\nfor _ in range(100): os.write(1, b'x' * (1 << 20))\n")
    load(path).close()


def test_a_model_in_workers_can_be_called_before_it_serves() -> None:
    found = load(OBEDIENT)
    assert found.infer(ask("echo", 1.0, 2.0), CALL).outputs["y"].array.tolist() == [1.0, 2.0]
    parts = [chunk.outputs["y"].array.tolist() for chunk in found.stream(ask("echo", 1.0, 2.0), CALL)]
    assert parts == [[1.0], [2.0]]
    found.close()


def test_a_stream_that_is_left_does_not_disturb_the_next_call() -> None:
    found = load(OBEDIENT)
    chunks = found.stream(ask("echo", 1.0, 2.0), CALL)
    next(chunks)
    chunks.close()
    assert found.infer(ask("echo", 3.0), CALL).outputs["y"].array.tolist() == [3.0]
    found.close()


@pytest.mark.parametrize(("order", "deadline_s", "code"), [
    ("refuse", None, Code.INVALID_ARGUMENT), ("end", None, Code.UNAVAILABLE),
    ("garble", None, Code.UNAVAILABLE), ("hang", 0.0, Code.DEADLINE_EXCEEDED),
])  # fmt: skip
def test_a_call_before_serving_that_fails_says_why(order: str, deadline_s: float | None, code: Code) -> None:
    found = load(OBEDIENT)
    with pytest.raises(DragomanError) as caught:
        found.infer(ask(order, 1.0), CallContext("id", deadline_s))
    assert caught.value.code is code
    found.close()


def test_closing_lets_the_model_close(tmp_path: Path) -> None:
    closing = "\n    def close(self): open(os.path.join(os.path.dirname(__file__), 'closed'), 'x').close()\n"
    path = model(tmp_path, OBEDIENT.read_text() + closing)
    load(path, worker=WorkerSettings(grace_s=60.0)).close()
    assert (tmp_path / "closed").exists()


def test_a_worker_has_a_session_of_its_own_and_nothing_open_but_its_links() -> None:
    found = load(OBEDIENT)
    pid = int(found.infer(ask("pid"), CALL).outputs["y"].array[0])
    assert os.getsid(pid) == pid != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    opened = [os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")]
    assert set(opened) == {"/dev/null", "/memfd", "pipe", "socket"}
    found.close()


SERVER = """
import sys
from pathlib import Path
from tests.contract.engines import CALL, tensor
from tests.unit.execution.workers.served import OBEDIENT, ask, copied, load
load(OBEDIENT).infer(ask("hold", 1.0), CALL)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_ends_with_its_server_even_while_code_holds_the_interpreter(ending: signal.Signals) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], cwd=TREE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    holding = next(found for line in server.stdout if (found := re.search(r"holding (\d+)", line)))
    worker = os.pidfd_open(int(holding[1]))
    server.send_signal(ending)
    server.wait(30)
    ended = select.poll()
    ended.register(worker, select.POLLIN)
    assert ended.poll(30_000)
    os.close(worker)
    server.stdout.close()


TELLS = """
import os
import numpy as np
import toys

class Model:
    inputs = {"order": "bytes"}
    outputs = {"y": "bytes"}

    def predict(self, inputs):
        return {"y": np.array([toys.WHERE, os.environ.get("INTERPRETER", "the server's")], object)}
"""


def test_a_model_may_have_packages_and_an_interpreter_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "toys.py").write_text("WHERE = 'beside'")
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nINTERPRETER=own exec {sys.executable} "$@"\n')
    other.chmod(0o700)
    python = PythonEnvironment(str(other), str(tmp_path / "packages"))
    settings = ModelSettings(worker=WorkerSettings(grace_s=0.0))
    artifact = Artifact(str(model(tmp_path, TELLS)), "m", 1, settings, python)
    loaded = placed(PythonModelEngine).load(artifact, {})
    told = loaded.infer(TensorRequest(DEFAULT_SIGNATURE, {"order": text("where")}), CALL)
    assert told.outputs["y"].array.tolist() == [b"beside", b"own"]
    loaded.close()

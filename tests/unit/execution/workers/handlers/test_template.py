"""The process that workers of handlers are forked from."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dragoman.engines.base import Artifact, PythonEnvironment
from dragoman.execution.workers.children import StartedChild
from dragoman.execution.workers.handlers.model import HandlerModel, load_handler
from dragoman.execution.workers.handlers.template import ForkedChild, Template, TemplateError
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.execution.workers.process import WorkerProcess
from dragoman.settings.model import HandlerSettings, ModelSettings
from tests.unit.execution.workers.handlers.staffed import OBEDIENT, quiet, staffed

pytest.fixture(autouse=True)(quiet)

ECHO = "def handle(data, context):\n    return data and ['']\n"
THREADED = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"


def archive(folder: Path, code: str = ECHO, packages: str = "", **settings: Any) -> Artifact:
    (folder / "MAR-INF").mkdir(parents=True, exist_ok=True)
    manifest = {"model": {"modelName": "m", "handler": "h.py"}}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    (folder / "h.py").write_text(code)
    chosen = ModelSettings(handler=HandlerSettings(**settings))
    return Artifact(str(folder), "m", 1, chosen, PythonEnvironment(packages=packages))


@contextmanager
def loaded(workplace: Workplace, artifact: Artifact) -> Iterator[WorkerProcess]:
    """The only worker of a handler."""
    model: HandlerModel = load_handler(artifact, workplace)
    try:
        yield model._workers[0][0]
    finally:
        model.close()


def parent(process: WorkerProcess) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))


def test_workers_of_all_handlers_have_one_parent_which_ends_with_the_last(tmp_path: Path) -> None:
    workplace = Workplace()
    with loaded(workplace, archive(tmp_path / "a")) as first:
        with loaded(workplace, archive(tmp_path / "b")) as second:
            assert parent(first) == parent(second) != os.getpid()
        template = parent(first)
        assert isinstance(first._child, ForkedChild)
    assert not Path(f"/proc/{template}").exists()


def test_a_worker_has_no_file_of_another_and_none_of_the_template(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with staffed(OBEDIENT) as one, staffed(OBEDIENT) as two:
            return [await one.text("files"), await two.text("files")]

    held = [json.loads(text) for text in asyncio.run(run())]
    for files in held:
        assert sorted(files) == ["/dev/null", "/memfd:dragoman-tensors (deleted)", "pipe", "socket"]


def test_how_a_worker_has_ended_is_known(tmp_path: Path) -> None:
    workplace = Workplace()
    with loaded(workplace, archive(tmp_path)) as process:
        os.kill(process.pid, signal.SIGTERM)
        assert process.end(10) == "signal SIGTERM"


def test_a_worker_outlives_the_template_and_the_next_is_there_all_the_same(tmp_path: Path) -> None:
    workplace = Workplace()
    with loaded(workplace, archive(tmp_path / "a")) as first:
        os.kill(parent(first), signal.SIGKILL)
        assert workplace._template is not None
        workplace._template._process.wait()
        with loaded(workplace, archive(tmp_path / "b")) as second:
            assert isinstance(second._child, StartedChild)
        with loaded(workplace, archive(tmp_path / "c")) as third:
            assert isinstance(third._child, ForkedChild)
        assert Path(f"/proc/{first.pid}").exists()
        first.request_end()
        assert first.end(10) == "exit code not known"


def test_a_model_with_packages_of_its_own_and_one_that_wants_so_start_anew(tmp_path: Path) -> None:
    workplace = Workplace()
    (tmp_path / "own").mkdir()
    with loaded(workplace, archive(tmp_path / "a", packages=str(tmp_path / "own"))) as process:
        assert isinstance(process._child, StartedChild)
    with loaded(workplace, archive(tmp_path / "b", forked=False)) as process:
        assert isinstance(process._child, StartedChild)


def test_torch_is_imported_once_for_all_who_come_after_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("import os\nHERE = os.getpid()\ndef set_num_threads(number): pass\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    code = "import os, torch\nif torch.HERE != os.getppid(): raise ValueError\n" + ECHO
    workplace = Workplace()
    first, second = archive(tmp_path / "a", "import torch\n" + ECHO), archive(tmp_path / "b", code)
    with loaded(workplace, first), loaded(workplace, second) as process:
        assert isinstance(process._child, ForkedChild)


def test_a_torch_that_starts_threads_is_left_to_each_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(THREADED)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    workplace = Workplace()
    code = "import torch\n" + ECHO
    first, second, third = (archive(tmp_path / name, code) for name in "abc")
    with loaded(workplace, first), loaded(workplace, second) as anew, loaded(workplace, third) as process:
        assert isinstance(anew._child, StartedChild)
        assert isinstance(process._child, ForkedChild)


def test_a_template_that_cannot_be_started_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.execution.workers.handlers.template.MAIN", "no.such.module")
    gc.collect()  # what earlier tests have left is closed now, not meanwhile
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TemplateError):
        Template()
    assert len(os.listdir("/proc/self/fd")) == before
    with loaded(Workplace(), archive(tmp_path)) as process:
        assert isinstance(process._child, StartedChild)


def test_a_closed_template_forks_nothing_and_leaves_nothing() -> None:
    gc.collect()  # what earlier tests have left is closed now, not meanwhile
    before = len(os.listdir("/proc/self/fd"))
    template = Template()
    template.close()
    template.close()
    assert not template.alive
    with pytest.raises(TemplateError):
        template.reap(1)
    assert len(os.listdir("/proc/self/fd")) == before

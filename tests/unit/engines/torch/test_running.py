"""Where a model of PyTorch runs: devices, threads, calls at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch

from dragoman.core.errors import Code
from tests.unit.engines.torch.calls import floats, infer, load, unloaded
from tests.unit.engines.torch.programs import Half, export, with_class

WAITING = """
import torch


class Model(torch.nn.Module):
    barrier = None

    def forward(self, x):
        self.barrier.wait(30)
        return torch.tensor(torch.get_num_threads())
"""


@pytest.fixture(autouse=True)
def _own_threads() -> Iterator[None]:
    """PyTorch keeps the number of threads for the process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_device_that_is_none_or_not_there_fails_the_load(tmp_path: Path) -> None:
    file = export(tmp_path / "model.pt2", Half(), [torch.zeros(2)])
    error = unloaded(file, device="graphics")
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "options.device: 'graphics' is none; there is cpu, cuda, cuda:1, ..."
    error = unloaded(file, device="cuda:77")
    assert error.code is Code.FAILED_PRECONDITION
    assert error.message == "options.device: there is no cuda:77 here that torch can use"


def test_the_cpu_may_be_named(tmp_path: Path) -> None:
    file = export(tmp_path / "model.pt2", Half(), [torch.zeros(2)])
    assert infer(load(file, device="cpu"), x=floats(2))["y"].array.tolist() == [2.0, 2.5]


@pytest.mark.parametrize(("threads", "told"), [(1, 0), (1, 1), (3, 3)])
def test_each_thread_of_calls_computes_with_as_many_threads_as_it_was_told(
    tmp_path: Path, threads: int, told: int
) -> None:
    file = with_class(tmp_path, WAITING)
    model = load(file, threads=told, concurrency=2)
    assert model.concurrency == 2
    assert model._program is not None
    model._program.module.barrier = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda _: infer(model, x=floats(1))["output0"].array.item(), range(2))
        assert list(answers) == [threads, threads]

"""Versions whose workers are made more and fewer on request."""

from pathlib import Path

import pytest

from dragoman.core.control import Scale
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import WorkersStatus
from dragoman.engines.base import LoadedModel
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Runner
from dragoman.settings.model import ModelSettings
from tests.unit.repository.stage import Stage

VERSIONS = "versions: all\n"


class Staffed(LocalRunner):
    """A runner that is told how many workers it has, and cannot have more than three."""

    told = WorkersStatus(1, 1, 1)

    def workers(self) -> WorkersStatus:
        return self.told

    def scale(self, minimum: int, maximum: int) -> None:
        self.told = WorkersStatus(minimum, maximum, minimum)

    async def settled(self) -> None:
        if self.told.minimum > 3:
            raise DragomanError(Code.INTERNAL, "it does not load")


class ManyHands(Stage):
    """Models whose runners have workers, but for the one called `alone`."""

    def _runner(self, model: LoadedModel, settings: ModelSettings, name: str, version: int) -> Runner:
        return LocalRunner(model, name, 1, 1) if name == "alone" else Staffed(model, name, 1, 1)

    def workers(self, version: int) -> WorkersStatus:
        status = self.manager.report.models["half"].version(version)
        assert status is not None
        assert status.workers is not None
        return status.workers()


@pytest.fixture
def stage(tmp_path: Path) -> ManyHands:
    made = ManyHands(tmp_path)
    made.write("half", 1)
    made.write("half", 2)
    made.write("alone", 1)
    made.sidecar("half", VERSIONS)
    return made


async def refusal(stage: Stage, request: Scale) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        await stage.manager.control(request)
    return caught.value


def test_a_version_gets_as_many_workers_as_are_asked_for(stage: ManyHands) -> None:
    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Scale("half", 2, 3))
        assert stage.workers(2) == WorkersStatus(2, 3, 2)
        await stage.manager.control(Scale("half", 0, 0, version=1))
        assert (stage.workers(1), stage.workers(2).minimum) == (WorkersStatus(0, 0, 0), 2)
        result = await stage.manager.control(Scale("half", 1, 1, version_name="1.0"))
        assert (stage.workers(1).minimum, result.model) == (1, "half")

    stage.run(story())


def test_why_a_worker_does_not_load_is_told_to_those_who_wait(stage: ManyHands) -> None:
    async def story() -> None:
        await stage.manager.start()
        assert (await refusal(stage, Scale("half", 4, 4))).message == "it does not load"
        await stage.manager.control(Scale("half", 4, 4, waits=False))

    stage.run(story())


def test_what_cannot_be_scaled_is_refused(stage: ManyHands) -> None:
    async def story() -> None:
        await stage.manager.start()
        assert (await refusal(stage, Scale("none", 1, 1))).reason is Reason.MODEL_UNKNOWN
        assert (await refusal(stage, Scale("half", 1, 1, version=9))).reason is Reason.VERSION_UNKNOWN
        assert (await refusal(stage, Scale("half", 2, 1))).code is Code.INVALID_ARGUMENT
        assert (await refusal(stage, Scale("half", -1, 1))).code is Code.INVALID_ARGUMENT
        assert (await refusal(stage, Scale("alone", 1, 1))).message == (
            "model alone version 1 has no workers to scale"
        )
        assert stage.workers(2) == WorkersStatus(1, 1, 1)

    stage.run(story())

"""A pinned version."""

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Kind
from dragoman.core.signatures import Signature
from dragoman.core.status import State, WorkersStatus
from dragoman.execution.runners import LocalRunner
from dragoman.repository.handle import Handle
from dragoman.repository.harness import VersionHarness
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
from tests.unit.execution.models import NATIVE, Doubler


def handle(*names: str) -> Handle:
    signatures = {name: Signature(name, NATIVE.inputs, NATIVE.outputs) for name in names}
    return Handle("half", 3, signatures, LocalRunner(Doubler(), "half", 1, 1))


@pytest.mark.parametrize("none_given", [None, ""])
def test_no_name_means_the_default_signature(none_given: str | None) -> None:
    assert handle("other", "serving_default").signature(none_given).name == "serving_default"


def test_no_name_means_the_only_signature_where_there_is_one() -> None:
    assert handle("other").signature(None).name == "other"


@pytest.mark.parametrize("name", [None, "third"])
def test_a_signature_that_is_not_there_is_an_error_that_lists_those_that_are(name: str | None) -> None:
    with pytest.raises(DragomanError) as caught:
        handle("two", "one").signature(name)
    assert (caught.value.code, caught.value.reason) == (Code.NOT_FOUND, Reason.SIGNATURE_UNKNOWN)
    shown = name or "serving_default"
    assert caught.value.message == f"model half version 3 has no signature {shown!r}; it has one, two"


def test_an_idle_version_is_let_go_at_once() -> None:
    told: list[str] = []
    handle("one").quiesce(lambda: told.append("idle"))
    assert told == ["idle"]


def test_a_version_that_is_held_is_let_go_with_its_last_pin() -> None:
    told: list[str] = []
    held = handle("one")
    held.hold()
    held.hold()
    held.quiesce(lambda: told.append("idle"))
    held.release()
    assert told == []
    held.release()
    assert told == ["idle"]


def test_a_model_that_reads_bodies_explains_itself() -> None:
    explaining = handle("one")
    with pytest.raises(DragomanError, match="no explainer"):
        explaining.explainer()
    reads = Signature("one", {}, {}, accepts=frozenset({Kind.PAYLOAD}), untyped=True)
    read = Handle("half", 3, {"one": reads}, explaining.runner)
    assert read.explainer() is explaining.runner


class Staff(LocalRunner):
    def workers(self) -> WorkersStatus:
        return WorkersStatus(1, 2, healthy=1)


def test_how_workers_are_is_told_where_there_are_any() -> None:
    assert handle("one").workers is None
    runner = Staff(Doubler(), "half", 1, 1)
    held = Handle("half", 3, {"one": Signature("one", NATIVE.inputs, NATIVE.outputs)}, runner)
    harness = VersionHarness(Candidate("half", 3, "half/3", "half/3", ModelSettings()), lambda _: None)
    harness.move(State.LOADING)
    harness.ready(held, "test", None, 0.0)
    assert harness.status.workers is not None
    assert harness.status.workers() == WorkersStatus(1, 2, 1)

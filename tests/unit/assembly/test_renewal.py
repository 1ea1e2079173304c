"""Settings and models looked at on request."""

import asyncio

import pytest
from msgspec.structs import replace

from dragoman.assembly.reload import LeftOut, Reloader, Reread, contents, stamps
from dragoman.assembly.renewal import Renewal, failures
from dragoman.core.control import ControlResult
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus
from dragoman.settings.overlay import NamedModel
from dragoman.settings.server import ServerSettings

GOOD = StatusReport({"m": ModelStatus("m", (VersionStatus(1, State.READY),))})
BROKEN = StatusReport(
    {
        "m": ModelStatus(
            "m",
            (
                VersionStatus(1, State.READY),
                VersionStatus(2, State.FAILED, cause=Cause(Code.NOT_FOUND, "m/2 holds no model")),
            ),
        )
    }
)
GONE = StatusReport(
    {"m": ModelStatus("m", (), cause=Cause(Code.NOT_FOUND, "m: no folder", Reason.PLACE_UNREADABLE))}
)
UNLIKE = StatusReport(
    {
        "p": ModelStatus(
            "p",
            (
                VersionStatus(
                    1,
                    State.FAILED,
                    cause=Cause(Code.INVALID_ARGUMENT, "Invalid input shape", Reason.MODELS_MISFIT),
                ),
            ),
        )
    }
)
STALE = StatusReport(
    {
        "m": ModelStatus(
            "m", (VersionStatus(1, State.READY),), stale=(Cause(Code.NOT_FOUND, "m/1 holds no model"),)
        )
    }
)
EMPTY = StatusReport({"m": ModelStatus("m", (), cause=Cause(Code.NOT_FOUND, "m holds no version"))})


class Scene:
    """A renewal over one file; what the models' places hold is told beforehand."""

    def __init__(self, folder, report=GOOD):
        self.file = folder / "config.json"
        self.file.write_text("first")
        self.report = report
        self.changed = False
        self.refused = ()
        self.settings = ServerSettings()
        self.adopted = 0
        self.pauses = []
        self.on_pause = lambda: None
        self.mistake = None
        self.reloader = Reloader(self.read(), self.read, self.adopt, self.sleep)
        self.renewal = Renewal(self.reloader, self.control, lambda: self.report)

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        self.on_pause()

    def read(self):
        if self.mistake is not None:
            raise self.mistake
        files = [str(self.file)]
        return Reread(self.settings, stamps(files), contents(files), self.refused)

    async def adopt(self, settings):
        self.adopted += 1

    async def control(self, request):
        return ControlResult(self.report, changed=self.changed)

    def renew(self):
        return asyncio.run(self.renewal.renew())

    def refusal(self):
        with pytest.raises(DragomanError) as refused:
            self.renew()
        return refused.value.reason, refused.value.code


def test_nothing_is_new_where_nothing_has_changed(tmp_path):
    scene = Scene(tmp_path)
    assert not scene.renew().changed
    assert scene.adopted == 0


def test_another_file_is_new_even_where_every_model_is_as_it_was(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("first ")
    assert scene.renew().changed
    assert not scene.renew().changed


def test_a_model_that_has_changed_is_new(tmp_path):
    scene = Scene(tmp_path)
    scene.changed = True
    assert scene.renew().changed


def test_after_a_renewal_that_left_something_out_the_next_one_tries_all_of_it_again(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("second")
    scene.report = BROKEN
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, Code.INTERNAL)
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, Code.INTERNAL)
    scene.report = GOOD
    assert scene.renew().changed
    assert not scene.renew().changed


def test_a_start_that_left_something_out_is_tried_again(tmp_path):
    scene = Scene(tmp_path, BROKEN)
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, Code.INTERNAL)


def test_a_version_that_does_not_load_under_settings_that_are_as_they_were_is_the_models_fault(tmp_path):
    scene = Scene(tmp_path)
    scene.report = BROKEN
    assert scene.refusal() == (Reason.MODELS_REFUSED, Code.INTERNAL)
    scene.report = GOOD
    assert not scene.renew().changed


@pytest.mark.parametrize("report", [GONE, UNLIKE])
def test_a_place_that_is_gone_and_models_that_do_not_fit_are_the_callers_mistake(tmp_path, report):
    scene = Scene(tmp_path)
    scene.report = report
    assert scene.refusal() == (Reason.MODELS_REFUSED, Code.INVALID_ARGUMENT)


def test_an_entry_that_is_left_out_refuses_the_settings(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("twice")
    scene.refused = (LeftOut("model m: refused: Given model name is already occupied"),)
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, Code.INTERNAL)


@pytest.mark.parametrize(
    ("models", "refused", "code"),
    [
        (["z", "m"], [], Code.INTERNAL),
        (["m", "z"], [], Code.INVALID_ARGUMENT),
        (["m", "z"], [0], Code.INTERNAL),
        (["m", "z"], [1], Code.INVALID_ARGUMENT),
    ],
)
def test_what_stands_first_in_the_settings_tells_the_kind_of_mistake(tmp_path, models, refused, code):
    scene = Scene(tmp_path)
    scene.file.write_text("several")
    scene.report = StatusReport({"m": GONE.models["m"], "z": replace(BROKEN.models["m"], name="z")})
    scene.settings = ServerSettings(models=tuple(NamedModel(name=name, path=name) for name in models))
    scene.refused = tuple(LeftOut("no name", place) for place in refused)
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, code)


def test_settings_that_are_none_are_tried_again(tmp_path):
    scene = Scene(tmp_path)
    scene.file.unlink()
    assert scene.refusal() == (Reason.SETTINGS_UNREADABLE, Code.INTERNAL)
    scene.file.write_text("first")
    assert not scene.renew().changed


def test_changes_that_do_not_load_are_told_although_what_was_there_serves(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("second")
    scene.report = STALE
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, Code.INTERNAL)
    scene.report = GOOD
    assert scene.renew().changed


def test_an_empty_place_is_no_failure():
    assert list(failures(EMPTY)) == []


def test_settings_that_were_taken_over_by_themselves_and_left_something_out_are_tried_again(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("second")
    scene.report = BROKEN
    asyncio.run(scene.reloader.poll())
    assert scene.refusal() == (Reason.SETTINGS_REFUSED, Code.INTERNAL)
    scene.report = GOOD
    assert scene.renew().changed
    assert not scene.renew().changed


def test_a_file_that_is_being_written_is_read_again(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("sec")
    scene.mistake = invalid("no settings")

    def write_on():
        scene.file.write_text("second" if len(scene.pauses) == 1 else "second, whole")
        scene.mistake = None if len(scene.pauses) == 2 else scene.mistake

    scene.on_pause = write_on
    assert scene.renew().changed
    assert (scene.adopted, scene.pauses) == (1, [0.01, 0.01])


def test_a_file_that_stays_as_it_is_is_not_read_again(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("second")
    scene.mistake = invalid("no settings")
    assert scene.refusal() == (Reason.SETTINGS_MALFORMED, Code.INVALID_ARGUMENT)
    assert scene.pauses == [0.01]


def test_a_file_that_is_written_for_ever_is_given_up(tmp_path):
    scene = Scene(tmp_path)
    scene.file.write_text("second")
    scene.mistake = invalid("no settings")
    scene.on_pause = lambda: scene.file.write_text("x" * len(scene.pauses))
    assert scene.refusal() == (Reason.SETTINGS_MALFORMED, Code.INVALID_ARGUMENT)
    assert len(scene.pauses) == 5

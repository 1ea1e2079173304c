"""Settings that change while the server runs."""

import asyncio

import pytest
from structlog.testing import capture_logs

from dragoman.assembly.reload import Reloader, Reread, contents, needing_restart, stamps
from dragoman.core.errors import DragomanError, Reason, invalid
from dragoman.settings.limits import Limits
from dragoman.settings.overlay import NamedModel
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings
from dragoman.settings.server import ServerSettings

FIRST = ServerSettings(repository="a", config_poll_s=3.0)
SECOND = ServerSettings(repository="b", config_poll_s=3.0)


class Scene:
    """A reloader over one file, with what it read, adopted and logged."""

    def __init__(self, folder):
        self.file = folder / "dragoman.yaml"
        self.file.write_text("first")
        self.next = SECOND
        self.adopted = []
        self.pauses = []
        self.refusal = None
        self.on_pause = lambda: None
        self.on_adopted = lambda: None
        self.reloader = Reloader(self.reread(FIRST), self.read, self.adopt, self.sleep)

    def reread(self, settings):
        files = [str(self.file)]
        return Reread(settings, stamps(files), contents(files))

    def read(self):
        if isinstance(self.next, Exception):
            raise self.next
        return self.reread(self.next)

    async def adopt(self, settings):
        if self.refusal is not None:
            raise self.refusal
        self.adopted.append(settings)
        self.on_adopted()

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        self.on_pause()


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def logged(story):
    with capture_logs() as lines:
        asyncio.run(story)
    return [(line["log_level"], line["event"], line.get("mistake") or line.get("keys")) for line in lines]


def test_settings_are_read_again_when_their_file_has_changed(scene):
    async def story():
        await scene.reloader.poll()
        assert scene.adopted == []
        scene.file.write_text("second, longer")
        await scene.reloader.poll()
        await scene.reloader.poll()

    assert logged(story()) == [("info", "settings taken over", None)]
    assert scene.adopted == [SECOND]


def test_a_file_that_is_gone_has_changed(scene):
    scene.file.unlink()
    scene.next = invalid("dragoman.yaml cannot be read: no such file or directory")
    mistake = (
        "error",
        "the settings stay as they are",
        "dragoman.yaml cannot be read: no such file or directory",
    )
    assert logged(scene.reloader.poll()) == [mistake]


def test_settings_with_mistakes_leave_everything_as_it_is_and_every_mistake_is_logged(scene):
    scene.next = invalid("f:1: one\nf:2: two")

    async def story():
        assert not await scene.reloader.reload()

    stay = "the settings stay as they are"
    assert logged(story()) == [("error", stay, "f:1: one"), ("error", stay, "f:2: two")]
    assert scene.adopted == []


def test_a_mistake_is_not_logged_again_before_the_file_changes_again(scene):
    scene.next = invalid("f:1: one")

    async def story():
        scene.file.write_text("broken, longer")
        await scene.reloader.poll()
        await scene.reloader.poll()

    assert len(logged(story())) == 1


def test_settings_that_cannot_be_adopted_are_tried_again_when_they_change(scene):
    scene.refusal = invalid("no such repository")

    async def story():
        assert not await scene.reloader.reload()
        scene.refusal = None
        scene.file.write_text("mended, longer")
        await scene.reloader.poll()

    assert [level for level, _, _ in logged(story())] == ["error", "info"]
    assert scene.adopted == [SECOND]


def test_what_needs_a_restart_is_named_until_it_is_as_it_was(scene):
    scene.next = ServerSettings(repository="b", config_poll_s=3.0, limits=Limits(connections=1))

    async def story():
        await scene.reloader.reload()
        await scene.reloader.reload()
        scene.next = FIRST
        await scene.reloader.reload()

    waiting = ("warning", "settings taken over, but some need a restart", "limits")
    assert logged(story()) == [waiting, waiting, ("info", "settings taken over", None)]


def test_models_repositories_and_pipelines_need_no_restart():
    new = ServerSettings(
        repository="b",
        models=(NamedModel(name="m", path="x"),),
        pipelines=(PipelineSettings(name="p", inputs=(), nodes=(), outputs={}),),
        node_libraries=(NodeLibrary(name="l", path="l.py"),),
        config_poll_s=3.0,
    )
    assert needing_restart(FIRST, new) == []


def test_files_are_looked_at_as_often_as_the_settings_say_until_they_say_never(scene):
    def change():
        if len(scene.pauses) == 2:
            scene.next = ServerSettings(repository="b", config_poll_s=0)
            scene.file.write_text("never again, longer")

    scene.on_pause = change
    logged(scene.reloader.run())
    assert scene.pauses == [3.0, 3.0]


def test_settings_are_read_again_whenever_that_is_asked_for(scene):
    async def story():
        asked = asyncio.Event()
        asked.set()
        adopted = asyncio.Event()
        scene.on_adopted = adopted.set
        following = asyncio.ensure_future(scene.reloader.follow(asked))
        await adopted.wait()
        following.cancel()
        assert not asked.is_set()

    asyncio.run(story())
    assert scene.adopted == [SECOND]


def test_settings_are_renewed_where_their_file_holds_something_else(scene):
    async def story():
        scene.file.touch()
        assert not await scene.reloader.renew(again=False)
        scene.file.write_text("first ")
        assert await scene.reloader.renew(again=False)
        assert not await scene.reloader.renew(again=False)
        assert await scene.reloader.renew(again=True)

    asyncio.run(story())
    assert scene.adopted == [SECOND, SECOND]


def test_a_file_that_cannot_be_opened_renews_nothing_and_counts_as_unchanged_when_it_is_back(scene):
    async def story():
        scene.file.unlink()
        with pytest.raises(DragomanError) as refused:
            await scene.reloader.renew(again=True)
        assert refused.value.reason is Reason.SETTINGS_UNREADABLE
        scene.file.write_text("first")
        assert not await scene.reloader.renew(again=False)

    asyncio.run(story())
    assert scene.adopted == []


def test_settings_that_are_none_are_not_renewed(scene):
    scene.next = invalid("dragoman.yaml:1: port: no such key")

    async def story():
        with pytest.raises(DragomanError) as refused:
            await scene.reloader.renew(again=True)
        assert refused.value.reason is Reason.SETTINGS_MALFORMED

    assert logged(story()) == [
        ("error", "the settings stay as they are", "dragoman.yaml:1: port: no such key"),
    ]
    assert scene.adopted == []

"""The node libraries that pipelines call, in worker processes.

A library is loaded once for each set of params that nodes give it, and stays while a pipeline uses it, so
that a pipeline which is made anew finds it there. A file that has changed is another library.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Engine, FileStat
from dragoman.execution.choice import make_runner
from dragoman.execution.pipelines.rules import Rule, broken
from dragoman.repository.handle import Handle
from dragoman.repository.source import unreadable
from dragoman.repository.tree import file_stat
from dragoman.settings.model import ModelSettings
from dragoman.settings.pipeline import NodeLibrary

ONLY_VERSION: Final = 1


class Edition(Struct, frozen=True):
    """What makes two loaded libraries one: file, settings and params."""

    library: NodeLibrary
    params: tuple[tuple[str, str], ...]
    file: FileStat


class NodeLibraries:
    """Loads libraries with the engine it is given, and shares them. Called on threads, and blocks.

    `loop` is the server's.
    """

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._lock = threading.Lock()
        self._loaded: dict[Edition, Future[Handle]] = {}
        self._users: dict[Edition, int] = {}

    def lease(self, library: NodeLibrary, params: Mapping[str, str]) -> "Lease":
        """The library, loaded with these params, until it is given back.

        Errors: FAILED_PRECONDITION for one that is no Python file or is not trusted; those of the engine.
        """
        check_library(library)
        try:
            edition = Edition(library, tuple(sorted(params.items())), file_stat(library.path))
        except OSError as error:
            raise unreadable(f'node library "{library.name}"', error) from error
        with self._lock:
            loaded = self._loaded.get(edition)
            first = loaded is None
            if loaded is None:
                loaded = self._loaded[edition] = Future()
            self._users[edition] = self._users.get(edition, 0) + 1
        try:
            if first:
                self._load(edition, loaded)
            return Lease(self, edition, loaded.result())
        except BaseException:
            self.give_back(edition)
            raise

    def give_back(self, edition: Edition) -> None:
        """Close a library that nobody uses any more."""
        with self._lock:
            self._users[edition] -= 1
            if self._users[edition]:
                return
            del self._users[edition]
            loaded = self._loaded.pop(edition)
        if loaded.exception() is None:
            loaded.result().runner.close()

    def _load(self, edition: Edition, loaded: Future[Handle]) -> None:
        library = edition.library
        settings = ModelSettings(
            trust="code", instances=library.instances, max_queue=library.max_queue, worker=library.worker
        )
        try:
            artifact = Artifact(library.path, library.name, ONLY_VERSION, settings)
            model = self._engine.load(artifact, dict(edition.params))
            runner = make_runner(model, settings, library.name, ONLY_VERSION, loop=self._loop)
            loaded.set_result(Handle(library.name, ONLY_VERSION, model.signatures, runner))
        except BaseException as error:
            loaded.set_exception(error)


class Lease(Struct, frozen=True):
    """A library in use."""

    libraries: NodeLibraries
    edition: Edition
    handle: Handle

    def give_back(self) -> None:
        """Use it no more."""
        self.libraries.give_back(self.edition)


def check_library(library: NodeLibrary) -> None:
    """Nothing, if the library may be run.

    Errors: FAILED_PRECONDITION saying what it lacks.
    """
    if not library.path.endswith(".py"):
        what = f'node library "{library.name}" is no Python file'
        raise broken(Rule.LIBRARY, f"{what}; a C library has to be ported to one")
    if library.trust != "code":
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f'node library "{library.name}" is code, which runs only where it is trusted: '
            "set trust: code in node_libraries, or start with --trust-code",
        )

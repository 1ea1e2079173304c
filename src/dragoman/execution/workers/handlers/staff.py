"""The workers of one handler: as many posts as are wanted, each held by one worker after another."""

import asyncio
from collections.abc import Callable, Sequence

from dragoman.core.errors import DragomanError
from dragoman.core.status import WorkersStatus, WorkerState
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.handlers.devices import on_gpu
from dragoman.execution.workers.handlers.job import anew
from dragoman.execution.workers.handlers.line import Line
from dragoman.execution.workers.handlers.post import Held, Post, Reports, Terms
from dragoman.execution.workers.process import WorkerProcess
from dragoman.telemetry.measures import Measures, Told, untold


def nothing() -> None:
    """What is done where nobody wants to know of changes."""


class Staff:
    """For the event loop's thread only. The line is told of every slot that is free.

    `changed` is called whenever something is new of a post.
    """

    def __init__(
        self, load: Load, terms: Terms, line: Line, no_worker: DragomanError, measured: Told = untold
    ) -> None:
        self.load = load
        self.changed: Callable[[], None] = nothing
        self.minimum = 0
        self.maximum = 0
        self.posts: list[Post] = []
        self._terms = terms
        self._line = line
        self._no_worker = no_worker
        self._numbers = 0
        self._leaving: dict[Post, asyncio.Task[None]] = {}
        self._devices = terms.workplace.devices
        self._grace_s = load.artifact.settings.worker.grace_s
        self.measures = Measures(load.artifact.model, load.artifact.version, measured)
        self._reports = Reports(line.free, line.forget, self._changed, self.measures.add)
        self._news = asyncio.Event()

    @property
    def hopeful(self) -> bool:
        """Whether a request may wait for a worker."""
        return any(post.hopeful for post in self.posts)

    @property
    def status(self) -> WorkersStatus:
        """How the workers are."""
        healthy = sum(post.state is not WorkerState.GIVEN_UP for post in self.posts)
        workers = tuple(post.status for post in self.posts)
        return WorkersStatus(self.minimum, self.maximum, healthy, workers, self.hopeful)

    @property
    def places(self) -> int:
        """How many batches they take at once."""
        return sum(post.places for post in self.posts)

    def adopt(self, workers: Sequence[Held], minimum: int, maximum: int) -> None:
        """Begin, with workers that have loaded the handler already."""
        self.minimum, self.maximum = minimum, maximum
        for worker in workers:
            self.add(worker)

    def add(self, worker: Held | None = None) -> None:
        """One more post."""
        load = worker[0].load if worker else on_gpu(self.load, self._devices.take(self._terms.gpus))
        post = Post(self._numbers, load, self._terms, self._reports)
        self._numbers += 1
        self.posts.append(post)
        post.open(worker)

    def drop(self, post: Post) -> None:
        """Let one go; what its worker has at hand it ends."""
        self.posts.remove(post)
        task = asyncio.get_running_loop().create_task(self._leave(post))
        self._leaving[post] = task
        task.add_done_callback(lambda _: self._leaving.pop(post, None))
        self._changed()

    def scale(self, minimum: int, maximum: int) -> None:
        """Have at least and at most so many workers from now on. Those that are let go do least."""
        self.minimum, self.maximum = minimum, maximum
        while len(self.posts) < minimum:
            self.add()
        while len(self.posts) > maximum:
            self.drop(min(self.posts, key=self._use))
        self._changed()

    async def settled(self) -> None:
        """Wait until every worker has loaded the handler.

        Errors: why one of them did not.
        """
        while not all(post.state is WorkerState.READY for post in self.posts):
            failed = next((post.failure for post in self.posts if post.failure is not None), None)
            if failed is not None:
                raise anew(failed)
            await self.change()

    async def change(self) -> None:
        """Wait until something is new of a post."""
        self._news.clear()
        await self._news.wait()

    async def left(self) -> None:
        """Wait until nothing is left of those that were let go."""
        while self._leaving:
            await asyncio.wait(self._leaving.values())

    def close(self) -> list[WorkerProcess]:
        """Have every worker end at once; the processes that are to be waited for."""
        posts = [*self.posts, *self._leaving]
        for post in self.posts:
            self._devices.give_back(post.gpu)
        self.minimum = self.maximum = 0
        self.posts.clear()
        self._changed()
        return [process for post in posts if (process := post.close()) is not None]

    async def _leave(self, post: Post) -> None:
        try:
            await post.leave(self._grace_s)
        finally:
            self._devices.give_back(post.gpu)

    def _use(self, post: Post) -> tuple[bool, bool, int]:
        """How much would be lost with a post: not much with one that has no worker or whose worker idles."""
        worker = post.worker
        ready = post.state is WorkerState.READY and worker is not None
        return ready, ready and worker is not None and not self._line.is_idle(worker), -post.number

    def _changed(self) -> None:
        self._news.set()
        if not self.hopeful:
            self._line.refuse(self._no_worker)
        self.changed()

"""More workers while requests wait for long, fewer while some have nothing to do.

One worker is added each time that the oldest request has waited too long, once those that were added before
have loaded the handler; one is let go each time that for long enough not every worker was needed. One that
was added and does not load is let go, and for a while none is added.
"""

from typing import Final

import structlog

from dragoman.core.status import WorkerState
from dragoman.execution.workers.handlers.clock import Clock, Timer
from dragoman.execution.workers.handlers.line import Line
from dragoman.execution.workers.handlers.plan import Pace
from dragoman.execution.workers.handlers.post import Post
from dragoman.execution.workers.handlers.staff import Staff

AFTER_FAILURE_S: Final = 60.0  # how long no worker is added, after one that did not load


class Scaling:
    """For the event loop's thread only. It is told when a request begins to wait, and of changes of posts."""

    def __init__(self, staff: Staff, line: Line, pace: Pace, clock: Clock) -> None:
        self._staff = staff
        self._line = line
        self._pace = pace
        self._clock = clock
        self._growth: Timer | None = None
        self._shrinking: Timer | None = None
        self._not_before_s = 0.0
        artifact = staff.load.artifact
        self._log = structlog.get_logger("dragoman.worker").bind(
            model=artifact.model, version=artifact.version
        )

    def waiting(self) -> None:
        """A request waits."""
        since_s = self._line.oldest_since_s
        if self._growth is None and since_s is not None and len(self._staff.posts) < self._staff.maximum:
            left_s = since_s + self._pace.grow_after_s - self._clock.now_s()
            self._growth = self._clock.later(max(left_s, 0.0), self._grow)

    def changed(self) -> None:
        """Something is new of a post."""
        for post in self._surplus:
            if post.failure is not None and post.state is not WorkerState.STARTING:
                self._not_before_s = self._clock.now_s() + AFTER_FAILURE_S
                self._log.warning("no worker more", cause=post.failure.message, pause_s=AFTER_FAILURE_S)
                self._staff.drop(post)
                return  # which is a change, too
        if self._surplus and self._shrinking is None:
            self._shrinking = self._clock.later(self._pace.shrink_after_s, self._shrink)

    def stop(self) -> None:
        """Add and let go nothing more."""
        for timer in (self._growth, self._shrinking):
            if timer is not None:
                timer.cancel()

    @property
    def _surplus(self) -> list[Post]:
        """The posts beyond those that there have to be, the last first."""
        return self._staff.posts[self._staff.minimum :][::-1]

    def _grow(self) -> None:
        self._growth = None
        since_s = self._line.oldest_since_s
        staff, now_s = self._staff, self._clock.now_s()
        if since_s is None or len(staff.posts) >= staff.maximum:
            return
        starting = any(post.state is WorkerState.STARTING for post in staff.posts)
        if now_s - since_s >= self._pace.grow_after_s and now_s >= self._not_before_s and not starting:
            self._log.info(
                "one worker more", workers=len(staff.posts) + 1, waited_s=round(now_s - since_s, 3)
            )
            staff.add()
        self._growth = self._clock.later(max(self._pace.grow_after_s, 0.01), self._grow)

    def _shrink(self) -> None:
        self._shrinking = None
        if not self._surplus:
            return
        since_s = self._line.idle_since_s
        left_s = self._pace.shrink_after_s
        if since_s is not None:
            left_s -= self._clock.now_s() - since_s
        if left_s > 0:
            self._shrinking = self._clock.later(left_s, self._shrink)
            return
        self._shrinking = self._clock.later(self._pace.shrink_after_s, self._shrink)
        idle = next((post for post in reversed(self._staff.posts) if self._is_idle(post)), None)
        if idle is not None:
            self._log.info("one worker less", workers=len(self._staff.posts) - 1)
            self._staff.drop(idle)

    def _is_idle(self, post: Post) -> bool:
        return post.worker is not None and self._line.is_idle(post.worker)

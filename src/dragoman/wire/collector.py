"""The collector of garbage, left out for a moment."""

import gc
from threading import Lock
from types import TracebackType


class CollectorPause:
    """Within it nothing is collected, in any thread; behind the last one in it all is as it was before."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._within = 0
        self._collects = True

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._collects = gc.isenabled()
                gc.disable()
            self._within += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._within -= 1
            if not self._within and self._collects:
                gc.enable()

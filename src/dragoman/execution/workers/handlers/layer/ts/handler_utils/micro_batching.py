"""The steps of a handler in threads, so that a batch goes through them in smaller ones side by side.

A micro-batch is put on the first step's queue, each step's threads put it on the next one's, and the last
puts it on the queue of the call that it belongs to. One that fails goes there at once, with its error.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

HANDLER_METHODS = ("preprocess", "inference", "postprocess")


@dataclass
class Piece:
    """One micro-batch on its way."""

    index: int
    data: Any
    done: "SimpleQueue[Piece]"
    error: BaseException | None = None


@dataclass
class Step:
    """One method of the handler and the threads that run it; None in the queue ends one of them."""

    handler: Any
    method: str
    local: threading.local
    following: "Step | None"
    pieces: "SimpleQueue[Piece | None]" = field(default_factory=SimpleQueue)
    threads: list[threading.Thread] = field(default_factory=list)
    ended: "SimpleQueue[threading.Thread]" = field(default_factory=SimpleQueue)

    def resize(self, count: int) -> None:
        """Have this many threads from now on; those that go end their work first."""
        while len(self.threads) < count:
            # A daemon, for a worker that ends does not wait for handlers to shut this down.
            thread = threading.Thread(target=self.work, daemon=True)
            self.threads.append(thread)
            thread.start()
        surplus = len(self.threads) - count
        for _ in range(surplus):
            self.pieces.put(None)
        for _ in range(surplus):
            thread = self.ended.get()
            thread.join()
            self.threads.remove(thread)

    def work(self) -> None:
        """Be one of the threads."""
        while (piece := self.pieces.get()) is not None:
            self.local.micro_batch_idx = piece.index
            try:
                piece.data = getattr(self.handler, self.method)(piece.data)
            except BaseException as error:  # whatever it is, the call that waits for it gets it
                piece.error = error
            if piece.error is None and self.following is not None:
                self.following.pieces.put(piece)
            else:
                piece.done.put(piece)
        self.ended.put(threading.current_thread())


class MicroBatching:
    """Takes the place of a handler's `handle`: `self.handle = MicroBatching(self)`."""

    def __init__(
        self, parent_handler: Any, micro_batch_size: int = 1, parallelism: Mapping[str, int] | None = None
    ) -> None:
        self.handler = parent_handler
        self.micro_batch_size = micro_batch_size
        self.thread_local_data = threading.local()
        self._parallelism: dict[str, int] = {}
        self._steps: dict[str, Step] = {}
        following = None
        for method in reversed(HANDLER_METHODS):
            following = Step(parent_handler, method, self.thread_local_data, following)
            self._steps[method] = following
        self.parallelism = dict(parallelism or {})

    @property
    def parallelism(self) -> dict[str, int]:
        """The number of threads of each step for which it was set; of others it is 1."""
        return dict(self._parallelism)

    @parallelism.setter
    def parallelism(self, parallelism: Mapping[str, int]) -> None:
        for method, count in parallelism.items():
            if method not in HANDLER_METHODS or count < 1:
                steps = ", ".join(HANDLER_METHODS)
                raise ValueError(f"parallelism {method}: {count} is not a number of threads of {steps}")
        self._parallelism.update(parallelism)
        for method, step in self._steps.items():
            step.resize(self._parallelism.get(method, 1))

    @property
    def thread_groups(self) -> dict[str, list[threading.Thread]]:
        """The threads of each step."""
        return {method: list(self._steps[method].threads) for method in HANDLER_METHODS}

    def shutdown(self) -> None:
        """End every thread."""
        for step in self._steps.values():
            step.resize(0)

    def get_micro_batch_idx(self) -> int | None:
        """Which micro-batch this thread has at hand."""
        return getattr(self.thread_local_data, "micro_batch_idx", None)

    def handle(self, data: Sequence[Any]) -> list[Any]:
        """The results for a batch, in its order.

        Errors: the first error that a step raised; RuntimeError after `shutdown`.
        """
        if not all(step.threads for step in self._steps.values()):
            raise RuntimeError("the threads of this handler were shut down")
        done: SimpleQueue[Piece] = SimpleQueue()
        starts = range(0, len(data), self.micro_batch_size)
        for index, start in enumerate(starts):
            piece = Piece(index, data[start : start + self.micro_batch_size], done)
            self._steps[HANDLER_METHODS[0]].pieces.put(piece)
        pieces = sorted((done.get() for _ in starts), key=lambda piece: piece.index)
        for piece in pieces:
            if piece.error is not None:
                raise piece.error
        return [result for piece in pieces for result in piece.data]

    def __call__(self, data: Sequence[Any], context: Any) -> Any:
        """What `BaseHandler.handle` does, with the steps in threads."""
        started_s = time.perf_counter()
        handler = self.handler
        handler.context = context
        if os.environ.get("ENABLE_TORCH_PROFILER"):
            output, _ = handler._infer_with_profiler(data=data)
        elif handler._is_describe():
            output = [handler.describe_handle()]
        elif handler._is_explain():
            output = handler.explain_handle(handler.preprocess(data), data)
        else:
            output = self.handle(data)
        context.metrics.add_time(
            "HandlerTime", round((time.perf_counter() - started_s) * 1000, 2), None, "ms"
        )
        return output

    def __del__(self) -> None:
        for step in getattr(self, "_steps", {}).values():
            for _ in step.threads:
                step.pieces.put(None)

"""One request on its way through a pipeline.

Whatever has all its inputs runs. Calls that answer at once are made one after the other, without leaving the
event loop's turn until TURN_NS are over; the others are waited for together, at most MOST_AT_ONCE of them.
Branches begin when nothing that has begun can go on. The first error ends the request and cancels what still
runs; what the request holds is let go when that has ended.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from time import monotonic, perf_counter_ns
from typing import Any, Final

from dragoman.core.context import CallContext
from dragoman.core.deferred import Deferred
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import CoreResponse, TensorResponse, with_tensors
from dragoman.core.statistics import Run
from dragoman.core.tensors import Tensor
from dragoman.execution.batch import rows_of
from dragoman.execution.deadlines import overdue
from dragoman.execution.later import Later
from dragoman.execution.pipelines.branches import branch, branch_count, gathered
from dragoman.execution.pipelines.plan import Opening, Plan, Scope, Step
from dragoman.repository.handle import Handle
from dragoman.settings.pipeline import REQUEST

TURN_NS: Final = 1_000_000  # then others have their turn; a call that answers at once takes 200 µs at most
MOST_AT_ONCE: Final = 64  # calls of one request; its other branches wait here and not in the models' queues
OFFLOAD_BYTES: Final = 1024 * 1024  # putting together more than this goes to a thread: 1 MiB takes 100 µs

Pending = Deferred[Any] | asyncio.Future[Any]


class Gathering:
    """The branches of one tensor, as far as they are there."""

    __slots__ = ("missing", "parts")

    def __init__(self, count: int) -> None:
        self.parts: list[Any] = [None] * count
        self.missing = count


class Asked:
    """A call of a part that has begun."""

    __slots__ = ("_began_ns", "_handle")

    def __init__(self, handle: Handle, began_ns: int) -> None:
        self._handle = handle
        self._began_ns = began_ns

    def succeed(self, answer: CoreResponse) -> None:
        """Count its answer."""
        self._handle.statistics.succeed(answer.run, 0, 0, self._began_ns, perf_counter_ns())

    def fail(self) -> None:
        """Count that there was none."""
        self._handle.statistics.fail(perf_counter_ns() - self._began_ns)


class Frame:
    """A scope that runs: once, or as one of its branches. `waiting` = by step, the slots it still awaits."""

    __slots__ = ("gathering", "index", "parent", "scope", "values", "waiting")

    def __init__(self, scope: Scope, parent: "Frame | None" = None, index: int = 0) -> None:
        self.scope = scope
        self.parent = parent
        self.index = index
        self.values: list[Any] = [None] * len(scope.lifts)
        self.waiting = list(scope.waits)
        self.gathering: dict[int, Gathering] = {}


class Execution:
    """Runs one request. `held` is let go at its end: the parts by their numbers, and the pipeline itself.

    The calls count in the statistics of the parts, as those of other callers do.
    """

    __slots__ = (
        "_answer", "_began_ns", "_branches", "_call", "_driving", "_error", "_held", "_outcome", "_over",
        "_pending", "_plan", "_ready", "_root", "_rows", "_version", "_wanted",
    )  # fmt: skip

    def __init__(self, plan: Plan, held: Sequence[Handle], version: int, call: CallContext) -> None:
        self._plan = plan
        self._held = held
        self._version = version
        self._call = call
        self._root = Frame(plan.scopes[0])
        self._began_ns = perf_counter_ns()
        self._rows = 1
        self._wanted: Sequence[str] | None = None
        self._ready: deque[tuple[Frame, Step]] = deque()
        self._branches: list[Iterator[None]] = []  # those that are still to begin; the innermost last
        self._pending: dict[Pending, Asked | None] = {}
        self._driving = False
        self._over = False
        self._outcome: TensorResponse | None = None
        self._error: Exception | None = None
        self._answer: Later[CoreResponse] | None = None

    def run(self, request: TensorRequest) -> TensorResponse | Later[CoreResponse]:
        """The answer, at once if nothing had to be waited for.

        Errors: those of the parts, naming the node.
        """
        self._wanted = request.outputs
        self._rows = rows_of(request) or 1
        try:
            self._enter(request)
        except Exception as error:
            self._fail(error)
        self._drive()
        if self._error is not None:
            raise self._error
        if self._outcome is not None:
            return self._outcome
        self._answer = Later(self._give_up)
        return self._answer

    def _enter(self, request: TensorRequest) -> None:
        root, plan = self._root, self._plan
        self._ready.extend((root, step) for step in root.scope.steps if not step.inputs)
        given = [(name, slot, request.inputs[name]) for name, slot in plan.inputs]
        if plan.opens is not None:
            self._open(root, plan.opens, given)
            return
        for _, slot, tensor in given:
            self._put(root, slot, tensor)

    def _drive(self) -> None:
        """Go on until all is done, until nothing can go on for now, or until others have their turn."""
        if self._driving:
            return
        self._driving = True
        until_ns = perf_counter_ns() + TURN_NS
        while self._advance():
            if perf_counter_ns() > until_ns:
                asyncio.get_running_loop().call_soon(self._resume)
                break
        self._driving = False

    def _resume(self) -> None:
        if self._call.deadline_s is not None and self._call.deadline_s <= monotonic():
            self._fail(overdue())
        self._drive()

    def _advance(self) -> bool:
        """Take one step; whether there may be another."""
        if self._over or len(self._pending) >= MOST_AT_ONCE:
            return False
        if self._ready:
            self._begin(*self._ready.popleft())
        elif self._branches:
            if next(self._branches[-1], self) is self:
                self._branches.pop()
        else:
            if not self._pending:
                self._finish()
            return False
        return True

    def _begin(self, frame: Frame, step: Step) -> None:
        """Call a part; its answer goes on from here, or when it comes."""
        values, handle = frame.values, self._held[step.part]
        inputs = {name: values[slot] for name, slot in step.inputs}
        asked = Asked(handle, perf_counter_ns())
        try:
            request = TensorRequest(step.signature.name, inputs, step.wanted)
            answer = handle.runner.run(handle, request, step.signature, self._call)
        except Exception as error:
            asked.fail()
            self._fail(named(error, step.node))
            return
        if isinstance(answer, TensorResponse):
            asked.succeed(answer)
            try:
                self._take(frame, step, answer)
            except Exception as error:
                self._fail(named(error, step.node))
        else:
            self._wait(answer, partial(self._take, frame, step), step.node, asked)

    def _take(self, frame: Frame, step: Step, answer: CoreResponse) -> None:
        """Hand on what a part gave."""
        given = with_tensors(answer).outputs
        if step.opens is not None:
            self._open(frame, step.opens, [(name, slot, given[name]) for name, slot in step.outputs])
            return
        for name, slot in step.outputs:
            self._put(frame, slot, given[name], step.node)

    def _put(self, frame: Frame, slot: int, tensor: Tensor, node: str = REQUEST) -> None:
        """Give a tensor to whatever waits for it, in this frame and around it."""
        frame.values[slot] = tensor
        scope = frame.scope
        for number in scope.consumers[slot]:
            frame.waiting[number] -= 1
            if not frame.waiting[number]:
                self._ready.append((frame, scope.steps[number]))
        lift = scope.lifts[slot]
        if lift is not None and frame.parent is not None:
            self._gather(frame.parent, lift, frame.index, tensor, node)

    def _open(self, frame: Frame, opens: Opening, given: Sequence[tuple[str, int, Tensor]]) -> None:
        """Cut tensors into branches, which begin one by one.

        Errors: those of `branch_count`.
        """
        count = branch_count([(name, tensor) for name, _, tensor in given], opens.count, opens.blame)
        for slot in opens.gathers:
            frame.gathering[slot] = Gathering(count)
        self._branches.append(self._begin_branches(frame, opens, given, count))

    def _begin_branches(
        self, frame: Frame, opens: Opening, given: Sequence[tuple[str, int, Tensor]], count: int
    ) -> Iterator[None]:
        scope = self._plan.scopes[opens.scope]
        for index in range(count):
            inner = Frame(scope, frame, index)
            for _, slot, tensor in given:
                self._put(inner, slot, branch(tensor, index))
            yield

    def _gather(self, frame: Frame, slot: int, index: int, tensor: Tensor, node: str) -> None:
        """Keep a branch of a tensor; the last one makes it whole."""
        gathering = frame.gathering[slot]
        gathering.parts[index] = tensor
        gathering.missing -= 1
        if gathering.missing:
            return
        parts = frame.gathering.pop(slot).parts
        if tensor.array.nbytes * len(parts) > OFFLOAD_BYTES:
            whole = asyncio.get_running_loop().run_in_executor(None, gathered, parts)
            self._wait(whole, lambda tensor: self._put(frame, slot, tensor, node), node)
        else:
            self._put(frame, slot, gathered(parts), node)

    def _wait(
        self, awaited: Awaitable[Any], then: Callable[[Any], None], node: str, asked: Asked | None = None
    ) -> None:
        """Go on with `then` when something comes that this node gives; a part's answer where it was asked."""
        pending = awaited if isinstance(awaited, Deferred) else asyncio.ensure_future(awaited)
        self._pending[pending] = asked
        came = partial(self._came, then, node)
        if isinstance(pending, Deferred):
            pending.then(came)
        else:
            pending.add_done_callback(came)

    def _came(self, then: Callable[[Any], None], node: str, done: Pending) -> None:
        asked = self._pending.pop(done)
        if self._over:
            if isinstance(done, asyncio.Future) and not done.cancelled():
                done.exception()  # nobody else asks for it
            self._let_go()
            return
        try:
            result = done.result()
            if asked is not None:
                asked.succeed(result)
                asked = None
            then(result)
        except asyncio.CancelledError:
            self._fail(named(DragomanError(Code.CANCELLED, "the call was cancelled"), node))
        except Exception as error:
            self._fail(named(error, node))
        if asked is not None:
            asked.fail()
        self._drive()

    def _finish(self) -> None:
        values, wanted = self._root.values, self._wanted
        outputs = {
            name: values[slot] for name, slot in self._plan.outputs if wanted is None or name in wanted
        }
        run = Run(perf_counter_ns() - self._began_ns, rows=self._rows)
        self._outcome = TensorResponse(outputs, self._version, run)
        self._end()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.resolve(self._outcome)

    def _fail(self, error: Exception) -> None:
        """End the request with its first error."""
        if self._over:
            return
        self._error = error
        self._end()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.reject(error)

    def _give_up(self) -> None:
        """The caller has gone."""
        if not self._over:
            self._end()

    def _end(self) -> None:
        """Stop what still runs."""
        self._over = True
        self._ready.clear()
        self._branches.clear()
        if self._pending:
            self._call.cancelled = True
        for pending, asked in list(self._pending.items()):
            if asked is not None:
                asked.fail()
            if isinstance(pending, Deferred):
                del self._pending[pending]  # it will not tell
            pending.cancel()
        self._let_go()

    def _let_go(self) -> None:
        """Give every pin back, as soon as nothing runs any more."""
        if not self._pending:
            held, self._held = self._held, ()
            for handle in held:
                handle.release()


def named(error: Exception, node: str) -> Exception:
    """The error of a part, with the node that it is of."""
    if not isinstance(error, DragomanError):
        return error
    message = f'node "{node}": {error.message}'
    return DragomanError(error.code, message, reason=error.reason, retry_after_s=error.retry_after_s)

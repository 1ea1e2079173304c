"""The engine of `explainer.py`: a class whose `explain` is called with the instances and may ask the model.

    class Explainer:
        def explain(self, instances, predict, parameters): ...

`instances` is the array of the model's only input, else a dict of them by name; `predict` takes and gives the
same for any number of rows. What comes back is numbers in the shape of the instances, or any JSON value for
each row.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, ClassVar, Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core import explaining_code as words
from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.explaining_code import VALUES, as_text, text_of
from dragoman.core.requests import Kind, TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import BY_NUMPY, Array, DType, Tensor
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot, Trust
from dragoman.engines.python_code import guarded, import_module
from dragoman.settings.model import ModelSettings

FILE: Final = "explainer.py"
CLASS: Final = "Explainer"
MOST_MESSAGE: Final = 1000
Arrays = Mapping[str, Array]


class PythonExplainerEngine(Engine):
    """Explainers that come beside models; it claims no models."""

    name: ClassVar[str] = "python_explainer"
    looks_for: ClassVar[str] = f"{FILE} beside a model"
    trust: ClassVar[Trust] = Trust.RUNS_CODE

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """Nothing: an explainer belongs to a model."""
        return None

    def estimate(self, artifact: Artifact) -> Resources:
        """The size of the file: what else the code takes is not known."""
        return Resources(os.path.getsize(artifact.path))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> "ExplainerCode":
        """An object of the file's class.

        Errors: INVALID_ARGUMENT where there is none; FAILED_PRECONDITION for a module that is missing;
        INTERNAL for code that raises.
        """
        module = import_module(artifact.path, "explainer")
        made = getattr(module, CLASS, None)
        if not isinstance(made, type) or not callable(getattr(made, "explain", None)):
            raise invalid(
                f"{FILE}: there has to be a class {CLASS} with explain(self, instances, predict, parameters)"
            )
        code = guarded(made, artifact.path)
        return ExplainerCode(code.explain, artifact.settings.explain.concurrency)


class AbandonedError(BaseException):
    """Raised in the code where nobody waits for it any more; none of an explainer's own handlers catch it."""


class Reply(Struct, frozen=True):
    """What the code wants next, or what it has come to."""

    state: str
    outputs: Mapping[str, Tensor]


class Session:
    """One explanation, on a thread of its own."""

    def __init__(self, explain: Callable[..., Any], instances: Arrays, parameters: Any) -> None:
        self._explain = explain
        self._instances = instances
        self._parameters = parameters
        self._replies: SimpleQueue[Reply | Exception] = SimpleQueue()
        self._answers: SimpleQueue[Arrays | None] = SimpleQueue()
        Thread(target=self._run, daemon=True).start()

    def reply(self) -> Reply:
        """What comes next.

        Errors: what the code raises.
        """
        found = self._replies.get()
        if isinstance(found, Exception):
            raise found
        return found

    def answer(self, outputs: Arrays | None) -> None:
        """Let the code go on with what the model gave; None = nobody waits any more."""
        self._answers.put(outputs)

    def _run(self) -> None:
        try:
            found = self._explain(only(self._instances), self._predict, self._parameters)
            self._replies.put(result(found, self._instances))
        except AbandonedError:
            return
        except Exception as error:
            self._replies.put(error)

    def _predict(self, rows: Any) -> Any:
        """What the code is given to call."""
        self._replies.put(Reply(words.ROWS, named(rows, self._instances)))
        answer = self._answers.get()
        if answer is None:
            raise AbandonedError
        return only(answer)


class ExplainerCode:
    """A loaded explainer: its sessions, by the numbers that the server gives them."""

    def __init__(self, explain: Callable[..., Any], concurrency: int) -> None:
        self.signatures: Mapping[str, Signature] = {
            words.SIGNATURE: Signature(
                words.SIGNATURE, {}, {}, accepts=frozenset({Kind.TENSORS}), source=words.SIGNATURE
            )
        }
        self.concurrency = concurrency
        self._explain = explain
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """One step of a session.

        Errors: INVALID_ARGUMENT where the code raises a ValueError, INTERNAL for anything else.
        """
        name, step = text_of(request.inputs[words.SESSION]), text_of(request.inputs[words.STEP])
        arrays = {
            key.removeprefix(VALUES): np.array(tensor.array)
            for key, tensor in request.inputs.items()
            if key.startswith(VALUES)
        }
        if step == words.END:
            self._end(name)
            return TensorResponse({words.STATE: as_text(words.ENDED)})
        try:
            reply = self._go_on(name, step, arrays, request)
        except Exception as error:
            self._end(name)
            raise refusal(error) from error
        if reply.state != words.ROWS:
            self._end(name)
        return TensorResponse({words.STATE: as_text(reply.state), **reply.outputs})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The same as one part."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Let every session end."""
        for name in list(self._sessions):
            self._end(name)

    def _go_on(self, name: str, step: str, arrays: Arrays, request: TensorRequest) -> Reply:
        if step == words.BEGIN:
            parameters = json.loads(text_of(request.inputs[words.PARAMETERS]))
            session = Session(self._explain, arrays, parameters)
            with self._lock:
                self._sessions[name] = session
        else:
            session = self._sessions[name]
            session.answer(arrays)
        return session.reply()

    def _end(self, name: str) -> None:
        with self._lock:
            session = self._sessions.pop(name, None)
        if session is not None:
            session.answer(None)


def only(arrays: Arrays) -> Any:
    """The array where there is one, else all by name."""
    return next(iter(arrays.values())) if len(arrays) == 1 else dict(arrays)


def named(given: Any, like: Arrays) -> dict[str, Tensor]:
    """Rows as tensors of the types that the instances have.

    Errors: ValueError for other inputs than those.
    """
    rows = given if isinstance(given, Mapping) else dict.fromkeys(like, given)
    if (not isinstance(given, Mapping) and len(like) > 1) or set(rows) != set(like):
        raise ValueError(f"{FILE}: predict takes a dict with {', '.join(like)}")
    return {VALUES + name: tensor_like(rows[name], array) for name, array in like.items()}


def tensor_like(value: Any, like: Array) -> Tensor:
    """A value as a tensor of an array's type."""
    dtype = BY_NUMPY[like.dtype]
    if dtype is not DType.BYTES:
        return Tensor(dtype, np.ascontiguousarray(value, dtype=like.dtype))
    texts = np.asarray(value, dtype=object)
    made = np.empty(texts.shape, object)
    made.reshape(-1)[:] = [one if isinstance(one, bytes) else str(one).encode() for one in texts.flat]
    return Tensor(DType.BYTES, made)


def result(found: Any, like: Arrays) -> Reply:
    """What the code came to: numbers in the shapes of the instances, else a JSON value for each row.

    Errors: DragomanError naming what it gave instead.
    """
    numbers = numbers_like(found, like)
    if numbers is not None:
        return Reply(words.NUMBERS, numbers)
    rows = found.tolist() if isinstance(found, np.ndarray) else found
    count = len(next(iter(like.values())))
    if not isinstance(rows, list | tuple) or len(rows) != count:
        raise failure(f"gave {type(found).__name__}, and no list with a value for each of {count} rows")
    try:
        text = json.dumps(rows, allow_nan=False, default=plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise failure(f"gave what JSON cannot hold: {str(error)[:200]}") from error
    return Reply(words.VALUE, {words.JSON: as_text(text)})


def numbers_like(found: Any, like: Arrays) -> dict[str, Tensor] | None:
    """The numbers in the instances' shapes; None where it is anything else.

    Errors: DragomanError for numbers that are not finite.
    """
    given = found if isinstance(found, Mapping) else {next(iter(like)): found}
    if set(given) != set(like):
        return None
    made = {}
    for name, array in like.items():
        value = given[name]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf" or value.shape != array.shape:
            return None
        numbers = np.ascontiguousarray(value, np.float64)
        if not np.isfinite(numbers).all():
            raise failure("gave numbers that are not finite")
        made[VALUES + name] = Tensor(DType.FP64, numbers)
    return made


def plain(value: Any) -> Any:
    """A value of NumPy's as Python's."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")


def failure(what: str) -> DragomanError:
    """The error for an explainer that does what it should not."""
    return DragomanError(Code.INTERNAL, f"{FILE} {what}")


def refusal(error: Exception) -> DragomanError:
    """What a caller is told of the code's error."""
    if isinstance(error, DragomanError):
        return error
    if isinstance(error, ValueError):
        return invalid(str(error)[:MOST_MESSAGE] or f"{FILE} refuses these instances")
    structlog.get_logger("dragoman.engines.python").error("the explainer failed", exc_info=error)
    return failure(f"raised {type(error).__name__}; the server's log tells more")

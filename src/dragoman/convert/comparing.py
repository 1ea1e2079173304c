"""Whether two models give equal answers, and where they differ most."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.convert.sampling import Inputs, rows_of, some_rows
from dragoman.convert.wanted import Agreement
from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import Method, Signature
from dragoman.core.tensors import Array, DType
from dragoman.engines.table_model import PROBABILITIES
from dragoman.execution.adapters import SignatureAdapter
from dragoman.repository.loader import LoadedVersion

AT_ONCE: Final = 256  # rows of a call
SHOWN: Final = 12  # values of a row in a message

Answers = Mapping[str, Mapping[str, Array]]  # by signature and output


class Worst(Struct, frozen=True):
    """The row that differs most. `difference` = in units of what the tolerance allows; labels: infinite."""

    signature: str
    output: str
    row: int
    source: Array
    onnx: Array
    difference: float


class Compared(Struct, frozen=True):
    """How many rows differ, the worst of them, and how far those agree that do not."""

    agreement: Agreement
    unequal: int
    worst: Worst | None


def answers(version: LoadedVersion, inputs: Inputs, wanted: Collection[str] = ()) -> Answers:
    """What a model says of these rows by each signature that takes tensors, or by those that are wanted.

    Errors: the model's own.
    """
    made: dict[str, Mapping[str, Array]] = {}
    for name, signature in predicting(version, wanted):
        parts = [call(version, signature, part) for part in split(inputs, at_once(signature))]
        made[name] = {output: joined([part[output] for part in parts]) for output in parts[0]}
    return made


def at_once(signature: Signature) -> int:
    """How many rows a call has: as many as is fixed, else many."""
    first = [spec.shape[0] for spec in signature.inputs.values() if spec.shape]
    return next((size for size in first if size is not None), AT_ONCE)


def joined(parts: Sequence[Array]) -> Array:
    """The answers of several calls as one."""
    return parts[0] if len(parts) == 1 else np.concatenate([np.atleast_1d(part) for part in parts])


def predicting(version: LoadedVersion, wanted: Collection[str] = ()) -> Iterator[tuple[str, Signature]]:
    """The signatures that are called with tensors; of those of the engine that are wanted, where some are."""
    for name, signature in version.signatures.items():
        if signature.method is Method.PREDICT and (not wanted or signature.source in wanted):
            yield name, signature


def call(version: LoadedVersion, signature: Signature, inputs: Inputs) -> Mapping[str, Array]:
    """One call as a server makes it, by the callers' names; `inputs` are by the engine's."""
    adapter = SignatureAdapter(signature, version.model.signatures[signature.source])
    named = {name: inputs[spec.source] for name, spec in signature.inputs.items()}
    request = adapter.to_engine(TensorRequest(signature.name, named))
    response = adapter.from_engine(version.model.infer(request, CallContext("convert")), 1)
    return {name: tensor.array for name, tensor in response.outputs.items()}


def split(inputs: Inputs, step: int) -> Iterator[Inputs]:
    """The rows, so many at a time."""
    rows = rows_of(inputs)
    if rows <= step:
        yield inputs
        return
    for start in range(0, rows, step):
        yield some_rows(inputs, start, start + step)


def compare(source: Answers, onnx: Answers, rows: int, tolerance: float) -> Compared:
    """How far the answers agree.

    Numbers may differ by the tolerance times their own size and the largest answer of that output. Labels are
    equal, but for rows whose likeliest classes are equally likely to that tolerance.
    Errors: FAILED_PRECONDITION for outputs of other names or shapes.
    """
    even = ties(source, tolerance)
    unequal = np.zeros(rows, bool)
    tied = np.zeros(rows, bool)
    worst: Worst | None = None
    largest = 0.0
    for signature, outputs in source.items():
        for name, expected in outputs.items():
            given = onnx.get(signature, {}).get(name)
            if given is None or given.shape != expected.shape:
                shape = "nothing" if given is None else f"{given.dtype} of shape {given.shape}"
                raise DragomanError(
                    Code.FAILED_PRECONDITION,
                    f"{signature}: {name}: the source gives {expected.dtype} of shape {expected.shape}, "
                    f"ONNX {shape}",
                )
            far = by_row(distance(expected, given, tolerance), rows)
            if expected.dtype.kind not in "fV" and even is not None and len(even) == rows:
                tied |= (far > 1) & even
                far = np.where(even, 0.0, far)
            unequal |= far > 1
            row = int(far.argmax())
            if far[row] > (worst.difference if worst is not None else 1):
                at = row if expected.ndim and len(expected) == rows else ...
                worst = Worst(
                    signature, name, row, np.asarray(expected[at]), np.asarray(given[at]), float(far[row])
                )
            if isfinite(largest_difference := plain_difference(expected, given)):
                largest = max(largest, largest_difference)
    return Compared(Agreement(rows, largest, tolerance, int(tied.sum())), int(unequal.sum()), worst)


def distance(expected: Array, given: Array, tolerance: float) -> Array:
    """How far each value is from its own, in units of what is allowed: above 1 = unequal."""
    if expected.dtype.kind not in "fV":  # V = bfloat16
        return np.where(expected == given, 0.0, np.inf)
    one, other = expected.astype(np.float64), given.astype(np.float64)
    size = np.abs(np.where(np.isfinite(one), one, 0))
    allowed = tolerance * (size + size.max(initial=0.0)) + np.finfo(np.float64).tiny
    with np.errstate(invalid="ignore"):
        far = np.abs(one - other) / allowed
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isnan(far), np.inf, far))


def plain_difference(expected: Array, given: Array) -> float:
    """The largest difference of numbers."""
    if expected.dtype.kind not in "fV" or not expected.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.nanmax(np.abs(expected.astype(np.float64) - given.astype(np.float64)), initial=0.0))


def by_row(far: Array, rows: int) -> Array:
    """The farthest of each row; of outputs that have none, the same for all."""
    if far.ndim and far.shape[0] == rows:
        made: Array = far.reshape(rows, -1).max(axis=1, initial=0.0)
        return made
    return np.full(rows, far.max(initial=0.0))


def ties(source: Answers, tolerance: float) -> Array | None:
    """The rows whose likeliest two classes are equally likely to the tolerance; None where nobody says."""
    given = source.get(PROBABILITIES, {}).get("probabilities")
    if given is None or given.ndim != 2 or given.shape[1] < 2:
        return None
    best = np.sort(given.astype(np.float64), axis=1)[:, -2:]
    tied: Array = best[:, 1] - best[:, 0] <= 2 * tolerance
    return tied


def shown_values(array: Array) -> str:
    """Values for a message."""
    flat = array.ravel().tolist()
    texts = [
        value.decode(errors="replace")
        if isinstance(value, bytes)
        else f"{value:.9g}"
        if isinstance(value, float)
        else str(value)
        for value in flat[:SHOWN]
    ]
    more = f", ... {len(flat)} in all" if len(flat) > SHOWN else ""
    return texts[0] if array.ndim == 0 else f"[{', '.join(texts)}{more}]"


def shown_row(inputs: Inputs, row: int) -> str:
    """One row's inputs for a message."""
    parts = []
    for name, tensor in inputs.items():
        array = tensor.array
        value: Any = array[row] if array.ndim and len(array) > row else array
        parts.append(
            f"{name}={shown_values(np.asarray(value, object if tensor.dtype is DType.BYTES else None))}"
        )
    return " ".join(parts)

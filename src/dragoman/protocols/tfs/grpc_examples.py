"""Classify, Regress and MultiInference over gRPC: what is asked of a list of serialized Examples."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest, ExampleRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.core.tensors import Tensor
from dragoman.protocols.tfs.errors import grpc_error, no_task_signature, reworded
from dragoman.protocols.tfs.examples import ExamplesDraft
from dragoman.protocols.tfs.results import bind_classify, bind_regress, class_table, regression_values
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.model_spec import read_model_spec, write_model_spec
from dragoman.wire.operation import Draft, MultiDraft
from dragoman.wire.proto_fields import Data, as_data, field, fields, text
from dragoman.wire.serialized import examples_request
from dragoman.wire.tfs_messages import messages

# Keys of the first three fields, whatever the message; all of them have a length.
FIRST: Final = 0x0A
SECOND: Final = 0x12
THIRD: Final = 0x1A

MAX_TASKS: Final = 1024  # of one MultiInference; each must name another signature


class Task(Struct, frozen=True):
    """Classify or regress: what it asks of a signature, and the message it makes of the model's answer.

    `key` is the message's place in an InferenceResult.
    """

    bind: Callable[[ExamplesDraft, Signature], ExampleRequest]
    result: Callable[[TensorResponse, Sequence[str]], bytes]
    key: int


class TaskDraft(ExamplesDraft, kw_only=True):
    """One task; `input` is the serialized Input, `signature` the resolved name once bound."""

    task: Task
    input: Data
    signature: str = ""


class TasksDraft(MultiDraft):
    """The tasks of one MultiInference."""

    parts: Sequence[TaskDraft]


def parse_task(superset: bool, task: Task, wire: WireRequest, limits: Limits) -> TaskDraft:
    """A ClassificationRequest or RegressionRequest. Examples wait for `bind_task`, as the reference's do.

    Errors: INVALID_ARGUMENT for what is no such message and for a missing or nameless ModelSpec.
    """
    del limits
    spec: Data | None = None
    given: Data = b""
    for key, value in fields(as_data(wire.body)):
        if key == FIRST:
            spec = value if spec is None else bytes(spec) + bytes(value)
        elif key == SECOND:
            given = bytes(given) + bytes(value) if given else value
    return TaskDraft(read_model_spec(spec, superset), [], task=task, input=given)


def parse_tasks(superset: bool, wire: WireRequest, limits: Limits) -> TasksDraft:
    """A MultiInferenceRequest: several tasks for one model, each with another signature, on one Input.

    Errors: INVALID_ARGUMENT for no task, several models, and a signature asked for twice; UNIMPLEMENTED for a
    method that is neither classify nor regress.
    """
    del limits
    parts: list[TaskDraft] = []
    given: Data = b""
    for key, value in fields(as_data(wire.body)):
        if key == FIRST:
            parts.append(_read_task(value, superset))
        elif key == SECOND:
            given = bytes(given) + bytes(value) if given else value
        if len(parts) > MAX_TASKS:
            raise invalid(f"the request has more than {MAX_TASKS} tasks")
    if not parts:
        raise invalid("ModelSpec has no name specified.")
    seen = set()
    for part in parts:
        name = part.target.signature or DEFAULT_SIGNATURE
        if part.target.model != parts[0].target.model:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        if name in seen:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        part.input = given
    return TasksDraft(parts[0].target, parts)


def _read_task(data: Data, superset: bool) -> TaskDraft:
    spec: Data | None = None
    method = ""
    for key, value in fields(data):
        if key == FIRST:
            spec = value
        elif key == SECOND:
            method = text(value)
    target = read_model_spec(spec, superset)
    if method not in TASKS:
        raise DragomanError(Code.UNIMPLEMENTED, f"Unsupported signature method_name: {method}")
    return TaskDraft(target, [], task=TASKS[method], input=b"")


def bind_task(draft: TaskDraft, signature: Signature) -> CoreRequest:
    """The examples for a signature that fits the task.

    Errors: INVALID_ARGUMENT for no examples, bytes that are none, and a signature that does not fit.
    """
    serialized = read_input(draft.input)
    draft.signature = signature.name
    draft.task.bind(draft, signature)  # refuses a signature that does not fit the task
    return examples_request(signature, serialized)


def read_input(data: Data) -> list[bytes]:
    """The serialized Examples of an Input, each with the context before it, so that its own features count.

    Errors: INVALID_ARGUMENT for none.
    """
    examples: list[bytes] = []
    context = b""
    for key, value in fields(data):
        if key not in (FIRST, SECOND):
            continue
        examples, context = [], b""  # a oneof: the kind that comes last counts
        for part, example in fields(value):
            if part == FIRST:
                examples.append(bytes(example))
            elif part == SECOND and key == SECOND:
                context += bytes(example)
    if not examples:
        raise invalid("Input is empty.")
    return [context + example for example in examples]


def encode_task(draft: TaskDraft, response: TensorResponse) -> WireResponse:
    """A ClassificationResponse or RegressionResponse."""
    result = draft.task.result(response, draft.labels)
    spec = write_model_spec(draft.target.model, response.version, draft.signature)
    return WireResponse(0, field(FIRST, result) + field(SECOND, spec))


def encode_tasks(draft: TasksDraft, responses: Sequence[TensorResponse]) -> WireResponse:
    """A MultiInferenceResponse: one result for each task, in their order."""
    results = []
    for part, response in zip(draft.parts, responses, strict=True):
        spec = write_model_spec(part.target.model, response.version, part.signature)
        result = part.task.result(response, part.labels)
        results.append(field(FIRST, field(FIRST, spec) + field(part.task.key, result)))
    return WireResponse(0, b"".join(results))


def fail_task(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed classify or regress in the reference's words."""
    return grpc_error(reworded(superset, draft, error, no_task_signature))


def fail_tasks(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed MultiInference in the reference's words."""

    def no_signature(_: str) -> DragomanError:
        return invalid(f"Requested signature not found in model graph: {error.message}")

    return grpc_error(reworded(superset, draft, error, no_signature))


def classification_result(response: TensorResponse, names: Sequence[str]) -> bytes:
    """A serialized ClassificationResult; `names` are the signature's class labels by index."""
    table = class_table(response, names)
    scores = [0.0] * len(table.labels) if table.scores is None else floats(table.scores)
    pairs = iter(zip(table.labels, scores, strict=True))
    result = messages().ClassificationResult()
    for _ in range(table.rows):
        classes = result.classifications.add().classes
        for label, score in islice(pairs, table.columns):
            classes.add(label=label, score=score)
    return result.SerializeToString()


def regression_result(response: TensorResponse, _: Sequence[str]) -> bytes:
    """A serialized RegressionResult."""
    result = messages().RegressionResult()
    for value in floats(regression_values(response)):
        result.regressions.add(value=value)
    return result.SerializeToString()


def floats(tensor: Tensor) -> list[float]:
    """The elements as the numbers that a float field can hold."""
    with np.errstate(over="ignore"):
        return tensor.array.astype(np.float32).reshape(-1).tolist()


CLASSIFY: Final = Task(bind_classify, classification_result, SECOND)
REGRESS: Final = Task(bind_regress, regression_result, THIRD)
TASKS: Final[Mapping[str, Task]] = {
    "tensorflow/serving/classify": CLASSIFY,
    "tensorflow/serving/regress": REGRESS,
}

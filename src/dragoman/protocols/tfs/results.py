"""What classify and regress ask of a signature, and the answers they make of its outputs."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import ExampleRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Tensor
from dragoman.protocols.tfs.examples import ExamplesDraft
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireResponse
from dragoman.wire.tensor_json import write_array

INPUTS: Final = "inputs"
OUTPUTS: Final = "outputs"
CLASSES: Final = "classes"
SCORES: Final = "scores"


def bind_classify(draft: ExamplesDraft, signature: Signature) -> ExampleRequest:
    """The examples for a signature that gives `classes` or `scores`.

    Errors: INVALID_ARGUMENT for a signature without the input `inputs`, or with outputs beside those two.
    """
    _check_input(signature, "classification")
    outputs = signature.outputs
    if not outputs or not outputs.keys() <= {CLASSES, SCORES}:
        raise invalid(
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {_show(signature)}"
        )
    draft.labels = signature.classes
    return ExampleRequest(signature.name, draft.examples)


def bind_regress(draft: ExamplesDraft, signature: Signature) -> ExampleRequest:
    """The examples for a signature that regresses.

    Errors: INVALID_ARGUMENT for a signature that has no input `inputs` or not the one output `outputs`.
    """
    _check_input(signature, "regression")
    if signature.outputs.keys() != {OUTPUTS} or not _is_regression(signature.outputs[OUTPUTS]):
        raise invalid(f"No regression outputs found in SignatureDef: {_show(signature)}")
    return ExampleRequest(signature.name, draft.examples)


def encode_classify(superset: bool, draft: ExamplesDraft, response: TensorResponse) -> WireResponse:
    """A list of [label, score] pairs for every example.

    Errors: INTERNAL for outputs that are not of one shape (examples, classes).
    """
    table = class_table(response, draft.labels)
    scores = [b"0.0"] * (table.rows * table.columns)
    if table.scores is not None and scores:
        scores = write_array(table.scores.array.reshape(-1), table.scores.dtype)[1:-1].split(b",")
    pairs = [b"[%b,%b]" % (dump(label), score) for label, score in zip(table.labels, scores, strict=True)]
    starts = range(0, len(pairs), table.columns or 1)
    lines = [b"[%b]" % b",".join(pairs[start : start + table.columns]) for start in starts]
    return _answer(superset, b"[%b]" % b",".join(lines or [b"[]"] * table.rows))


def encode_regress(superset: bool, _: ExamplesDraft, response: TensorResponse) -> WireResponse:
    """One number for every example.

    Errors: INTERNAL for an output that is not of shape (examples,) or (examples, 1).
    """
    tensor = regression_values(response)
    return _answer(superset, write_array(tensor.array, tensor.dtype))


class ClassTable(Struct, frozen=True):
    """What a classification says of each of `columns` classes of each of `rows` examples, row by row.

    A missing label is the empty text or, where the signature names its classes, the name by index; a missing
    score is 0.
    """

    rows: int
    columns: int
    labels: Sequence[str]
    scores: Tensor | None


def class_table(response: TensorResponse, names: Sequence[str]) -> ClassTable:
    """The model's classes and scores; `names` are the signature's class labels by index.

    Errors: INTERNAL for outputs that are not of one shape (examples, classes).
    """
    labels = _matrix(response, CLASSES)
    scores = _matrix(response, SCORES)
    shapes = {tensor.array.shape for tensor in (labels, scores) if tensor is not None}
    if len(shapes) != 1:
        raise broken("classes and scores differ in shape")
    ((rows, columns),) = shapes
    if labels is not None:
        texts = [label.decode("utf-8", "replace") for label in labels.array.reshape(-1)]
    else:
        texts = [*names[:columns], *[""] * (columns - len(names))] * rows
    return ClassTable(rows, columns, texts, scores)


def regression_values(response: TensorResponse) -> Tensor:
    """The output `outputs` as a tensor of one dimension.

    Errors: INTERNAL for an output that is not of shape (examples,) or (examples, 1).
    """
    tensor = response.outputs[OUTPUTS]
    array = tensor.array
    if array.ndim == 0 or array.shape[1:] not in ((), (1,)):
        raise broken(f"expected outputs of shape [batch_size] or [batch_size, 1] but got {array.shape}")
    return Tensor(tensor.dtype, array.reshape(-1))


def broken(what: str) -> DragomanError:
    """The error for a model whose answer is not what its signature says."""
    return DragomanError(Code.INTERNAL, f"the model's answer does not fit its signature: {what}")


def _check_input(signature: Signature, task: str) -> None:
    if signature.inputs.keys() != {INPUTS}:
        raise invalid(f"No {task} inputs found in SignatureDef: {_show(signature)}")


def _is_regression(spec: TensorSpec) -> bool:
    shape = spec.shape
    return spec.dtype.is_float and (
        shape is None or len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, None))
    )


def _show(signature: Signature) -> str:
    return (
        f"{signature.name} (inputs: {', '.join(signature.inputs)}; outputs: {', '.join(signature.outputs)})"
    )


def _matrix(response: TensorResponse, name: str) -> Tensor | None:
    """The output as (examples, classes); one value for each example is one class."""
    tensor = response.outputs.get(name)
    if tensor is None:
        return None
    array = tensor.array
    if array.ndim == 1:
        return Tensor(tensor.dtype, array.reshape(-1, 1))
    if array.ndim != 2:
        raise broken(f"expected {name} of shape [batch_size, num_classes] but got {array.shape}")
    return tensor


def _answer(superset: bool, results: bytes) -> WireResponse:
    """`results` is what the reference sends, `result` what its public page says: the superset has both."""
    if superset:
        return WireResponse(200, b'{"results":%b,"result":%b}' % (results, results))
    return WireResponse(200, b'{"results":%b}' % results)

"""The answers of models that give tensors: JSON in the form that the request's calls for."""

from collections.abc import Mapping

from msgspec.structs import replace

from dragoman.core.responses import ExplainResponse, TensorResponse
from dragoman.core.tensors import Tensor
from dragoman.protocols.torchserve.reading import Reading
from dragoman.wire.explanation import Form, explanation_headers, write_explanations
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireResponse
from dragoman.wire.tensor_json import write_columns
from dragoman.wire.v2.answer import answer_head, write_output
from dragoman.wire.v2.request import InferDraft


def write_tensors(model: str, reading: Reading, response: TensorResponse) -> WireResponse:
    """The rows of the only output, or of each by its name; V2's answer to V2's request.

    Errors: INVALID_ARGUMENT for bytes that are no text, which V2's JSON cannot hold.
    """
    if reading.v2 is not None:
        return write_v2(model, reading.v2, response)
    outputs = response.outputs
    text = write_columns(without_rows(outputs) if reading.one_row else outputs)
    return WireResponse(200, b'{"%b":%b}' % (reading.key.encode(), text) if reading.key else text)


def write_explained(model: str, reading: Reading, response: ExplainResponse) -> WireResponse:
    """What each value adds, in the form of the request; beside the predictions where those are wanted.

    Errors: INVALID_ARGUMENT as `write_rows`.
    """
    headers = explanation_headers(response)
    if reading.v2 is not None:
        answer = write_v2(model, reading.v2, TensorResponse(response.attributions, response.version))
        answer.headers = headers
        return answer
    if reading.one_row and not reading.shap:
        response = replace(response, attributions=without_rows(response.attributions))
    text = write_explanations(Form(reading.by_row, reading.named, reading.shap), response)
    if response.predictions is not None:
        predictions = write_columns(response.predictions)
        return WireResponse(
            200, b'{"predictions":%b,"explanations":%b}' % (predictions, text), headers=headers
        )
    body = b'{"%b":%b}' % (reading.key.encode(), text) if reading.key else text
    return WireResponse(200, body, headers=headers)


def without_rows(outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The outputs of one row; where one has none or several, all stay as they are."""
    if any(tensor.array.shape[:1] != (1,) for tensor in outputs.values()):
        return outputs
    return {name: Tensor(tensor.dtype, tensor.array[0, ...]) for name, tensor in outputs.items()}


def write_v2(model: str, draft: InferDraft, response: TensorResponse) -> WireResponse:
    """The answer of the Open Inference Protocol in JSON."""
    head = answer_head(model, response.version)
    if draft.id is not None:
        head = b'%b,"id":%b' % (head, dump(draft.id))
    entries = [write_output(name, tensor) for name, tensor in response.outputs.items()]
    return WireResponse(200, b'%b,"outputs":[%b]}' % (head, b",".join(entries)))

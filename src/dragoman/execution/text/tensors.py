"""Text on protocols of tensors: prompts in, what is written out, both BYTES, and sampling as parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dragoman.core.embedding import MOST_INPUTS
from dragoman.core.errors import invalid
from dragoman.core.generation import BOUNDS, MOST_PROMPTS, Asked, Sampling, bounded, check_stops
from dragoman.core.requests import EmbedRequest, GenerateRequest, Scalar, TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.statistics import Run
from dragoman.core.tensors import DType, Tensor
from dragoman.core.text_signature import PROMPT, TEXT
from dragoman.execution.texts import bytes_array

DEFAULT_TOKENS: Final = 16  # as completions have it


def generate_request(request: TensorRequest) -> GenerateRequest:
    """The prompts that a tensor holds, one for each element.

    Errors: INVALID_ARGUMENT for no prompt, too many, one that is no UTF-8, and a parameter that is none.
    """
    prompts = texts_of(request, MOST_PROMPTS)
    return GenerateRequest(request.signature, prompts, asked(request.parameters or {}))


def embed_request(request: TensorRequest) -> EmbedRequest:
    """The texts whose vectors are wanted, one for each element.

    Errors: INVALID_ARGUMENT for no text, too many, and one that is no UTF-8.
    """
    return EmbedRequest(request.signature, texts_of(request, MOST_INPUTS))


def texts_of(request: TensorRequest, most: int) -> list[str]:
    """The texts of the only input."""
    tensor = request.inputs.get(PROMPT)
    if tensor is None:
        raise invalid(f'input "{PROMPT}" is missing')
    if tensor.dtype is not DType.BYTES:
        raise invalid(f'input "{PROMPT}": {tensor.dtype.value} given, bytes expected')
    texts: Sequence[bytes] = tensor.array.reshape(-1).tolist()
    if not 0 < len(texts) <= most:
        raise invalid(f'input "{PROMPT}" has {len(texts)} prompts; from 1 to {most} are allowed')
    try:
        return [text.decode() for text in texts]
    except UnicodeDecodeError as error:
        raise invalid(f'input "{PROMPT}" holds bytes that are no UTF-8: {error.reason}') from None


def asked(parameters: Mapping[str, Scalar]) -> Asked:
    """What parameters say; those that are none of ours are another's.

    Errors: INVALID_ARGUMENT naming the parameter.
    """
    given: dict[str, Any] = {"max_tokens": DEFAULT_TOKENS}
    for name, bounds in BOUNDS.items():
        if name in parameters:
            given[name] = bounded(name, parameters[name], bounds)
    stops = check_stops("stop", [parameters["stop"]]) if "stop" in parameters else ()
    return Asked(Sampling(**given), stop=stops)


def text_tensor(texts: Sequence[str]) -> Mapping[str, Tensor]:
    """Texts as the only output."""
    return {TEXT: Tensor(DType.BYTES, bytes_array(texts))}


def text_response(texts: Sequence[str], version: int, run: Run) -> TensorResponse:
    """Whole texts, one for each prompt."""
    return TensorResponse(text_tensor(texts), version, run)

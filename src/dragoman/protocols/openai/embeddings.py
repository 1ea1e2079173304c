"""Embeddings: vectors of texts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.embedding import MOST_INPUTS
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Bounds, Ids, Usage, bounded, refused, shown
from dragoman.core.requests import EmbedRequest, Target
from dragoman.core.responses import EmbedResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType
from dragoman.core.text_signature import makes_vectors
from dragoman.protocols.openai.reading import read_fields, read_model, target_of
from dragoman.settings.limits import Limits
from dragoman.wire.base64 import encode_base64
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.percent import percent_decoded
from dragoman.wire.target import read_version
from dragoman.wire.tensor_json import write_array
from dragoman.wire.text_fields import wrong_kind

DIMENSIONS: Final = Bounds(1, 2**31 - 1, whole=True)
MOST_IDS: Final = 1_000_000  # of one text; no model has so long a context
FORMATS: Final = ("float", "base64")


class EmbedDraft(Draft):
    """A call for vectors. `asked_name` = the model as the caller named it.

    `tells_list` = the vectors are told once more, as Deeploy's clients read them.
    """

    asked_name: str
    inputs: Sequence[str | Ids]
    as_base64: bool = False
    dimensions: int | None = None
    tells_list: bool = False


def parse_embedding(wire: WireRequest, limits: Limits) -> EmbedDraft:
    """Texts, and how their vectors are wanted.

    Errors: INVALID_ARGUMENT naming the field.
    """
    fields = read_fields(wire, limits)
    inputs = read_inputs(fields)
    form = fields.get("encoding_format", "float")
    if form not in FORMATS:
        raise refused("encoding_format", f"encoding_format must be float or base64, not {shown(form)}")
    dimensions = None
    if "dimensions" in fields:
        dimensions = int(bounded("dimensions", fields["dimensions"], DIMENSIONS))
    name = read_model(fields)
    return EmbedDraft(target_of(name), name, inputs, form == "base64", dimensions)


def parse_mounted_embedding(wire: WireRequest, limits: Limits) -> EmbedDraft:
    """The same of the model and version in the path, whatever the body names.

    Errors: those of `parse_embedding`.
    """
    draft = parse_embedding(wire, limits)
    version = wire.params.get("version")
    draft.asked_name = percent_decoded(wire.params["model"])
    draft.target = Target(draft.asked_name, None if version is None else read_version(version))
    draft.tells_list = True
    return draft


def read_inputs(fields: JsonObject) -> Sequence[str | Ids]:
    """A text, texts, the tokens of one, or lists of tokens; none of them empty.

    Errors: INVALID_ARGUMENT.
    """
    given = fields.get("input")
    if isinstance(given, str):
        return [read_input(given)]
    if not isinstance(given, list) or not given:
        raise refused("input", "input must be a string, a list of strings, or tokens, and not empty")
    if type(given[0]) is int:
        return [read_input(given)]
    if len(given) > MOST_INPUTS:
        raise refused("input", f"input has {len(given)} texts; at most {MOST_INPUTS} are allowed")
    return [read_input(text) for text in given]


def read_input(given: JsonValue) -> str | Ids:
    """One text, or its tokens."""
    if not isinstance(given, str | list):
        raise refused("input", f"input must hold strings or lists of tokens, not {shown(given)}")
    if not given:
        raise refused("input", "input must not hold a text that is empty")
    if isinstance(given, str):
        return given
    if len(given) > MOST_IDS:
        raise refused("input", f"a text has at most {MOST_IDS} tokens, not {len(given)}")
    for token in given:
        if type(token) is not int:
            raise refused("input", f"tokens are whole numbers, not {shown(token)}")
    return [token for token in given if isinstance(token, int)]


def bind_embedding(draft: EmbedDraft, signature: Signature) -> EmbedRequest:
    """The request for the model.

    Errors: INVALID_ARGUMENT for a model that makes no vectors of texts, and for a length that is none of its.
    """
    traits = signature.embeds
    if traits is None and not makes_vectors(signature):
        raise wrong_kind(draft.asked_name or draft.target.model, "make vectors of texts")
    known = () if traits is None else traits.dimensions
    if draft.dimensions is not None and draft.dimensions not in known:
        lengths = (
            f"it was trained for {', '.join(map(str, known))}" if known else "its vectors have one length"
        )
        raise refused(
            "dimensions",
            f"dimensions: {draft.dimensions} is none of this model's: {lengths}",
            Reason.PARAMETER_UNSUPPORTED,
        )
    return EmbedRequest(signature.name, draft.inputs, draft.dimensions)


def encode_embedding(draft: EmbedDraft, response: EmbedResponse | TensorResponse) -> WireResponse:
    """The whole answer.

    Errors: INTERNAL where a model gives something else than a vector for each text.
    """
    vectors, usage = vectors_of(draft, response)
    told = [vector_json(draft, vector) for vector in vectors]
    data = b",".join(
        b'{"object":"embedding","index":%d,"embedding":%b}' % (index, vector)
        for index, vector in enumerate(told)
    )
    tail: Mapping[str, Any] = {
        "model": draft.asked_name or draft.target.model,
        "usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens},
    }
    again = b'"embedding":[%b],' % b",".join(told) if draft.tells_list else b""
    return WireResponse(200, b'{"object":"list","data":[%b],%b%b' % (data, again, dump(tail)[1:]))


def vectors_of(draft: EmbedDraft, response: EmbedResponse | TensorResponse) -> tuple[Array, Usage]:
    """The vectors as float32, and the tokens that they took, where those are known."""
    if isinstance(response, EmbedResponse):
        return response.vectors, response.usage
    (tensor,) = response.outputs.values()
    array = tensor.array
    if array.ndim != 2 or len(array) != len(draft.inputs):
        raise DragomanError(
            Code.INTERNAL,
            f"the model gave {list(array.shape)} for {len(draft.inputs)} texts, and no vector for each",
        )
    return array.astype(np.float32), Usage()


def vector_json(draft: EmbedDraft, vector: Array) -> bytes:
    """One vector: numbers, or the base64 of little-endian float32."""
    if draft.as_base64:
        return b'"%b"' % encode_base64(vector.astype("<f4").tobytes()).encode()
    return write_array(vector, DType.FP32)


def written_bytes(draft: EmbedDraft, response: EmbedResponse | TensorResponse) -> int:
    """How much there is to write: as numbers every four bytes are ten characters or so."""
    if isinstance(response, EmbedResponse):
        return response.vectors.nbytes
    return sum(tensor.array.nbytes for tensor in response.outputs.values())

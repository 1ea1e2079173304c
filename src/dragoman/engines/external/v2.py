"""A model of another server that speaks V2 (the Open Inference Protocol) over HTTP.

Its signature is what its metadata says. Tensors go as raw bytes both ways where the server's metadata names
that extension, else as JSON.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import quote

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import CoreResponse, TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.external.model import ExternalModel
from dragoman.engines.external.pieces import ShapeError, member
from dragoman.engines.external.values import array_of, packed, plain, unpacked
from dragoman.engines.upstream import Answer, Request, Upstream, nonsense, read_object

LENGTH: Final = "inference-header-content-length"
BINARY: Final = "binary_tensor"  # how the names of the extension begin
SIZE: Final = "binary_data_size"
OCTETS: Final = ("content-type", "application/octet-stream")
JSON_TYPE: Final = ("content-type", "application/json")
DATATYPES: Final[Mapping[DType, str]] = {
    dtype: dtype.name if dtype.name.startswith(("FP", "BF")) else dtype.value.upper() for dtype in DType
}
DTYPES: Final = {name: dtype for dtype, name in DATATYPES.items()}
MOST_RANK: Final = 32


class ExternalV2(ExternalModel):
    """Tensors."""

    seen: ClassVar[frozenset[int]] = frozenset()  # V2 says how it tells that a model is ready
    raw = True  # whether tensors go as raw bytes

    @property
    def path(self) -> str:
        """Where the model is."""
        version = f"/versions/{quote(self.settings.version, safe='')}" if self.settings.version else ""
        return f"/v2/models/{quote(self.their_name, safe='')}{version}"

    async def introduce(self, upstream: Upstream) -> None:
        """Read the metadata of the server and of the model.

        Errors: DragomanError.
        """
        name = upstream.name
        self.raw = await upstream.call(
            Request("GET", "/v2", idempotent=True),
            lambda answer: answer.status == 200 and speaks_binary(read_object(name, answer.body)),
            seen=frozenset({404}),
        )
        signature = await upstream.call(
            Request("GET", self.path, idempotent=True), partial(read_signature, name)
        )
        self.signatures = {signature.name: signature}

    async def looked(self, upstream: Upstream, path: str) -> None:
        """Nothing, if the model is ready."""
        await super().looked(upstream, path or f"{self.path}/ready")

    async def answer(self, request: CoreRequest, call: CallContext) -> CoreResponse:
        """The outputs.

        Errors: DragomanError.
        """
        if not isinstance(request, TensorRequest):
            raise DragomanError(Code.UNIMPLEMENTED, f"model {self.name} takes tensors, and nothing else")
        body, headers = written(request, raw=self.raw)
        signature = self.signatures[DEFAULT_SIGNATURE]
        sent = Request("POST", f"{self.path}/infer", body, headers, idempotent=True)
        read = partial(read_infer, self.upstream.name, signature, request)
        return await self.upstream.call(sent, read, call.deadline_s)


def speaks_binary(document: Mapping[str, Any]) -> bool:
    """Whether a server's metadata names the extension."""
    named = document.get("extensions")
    return isinstance(named, list) and any(isinstance(one, str) and one.startswith(BINARY) for one in named)


def read_signature(name: str, answer: Answer) -> Signature:
    """What a model's metadata says of its tensors.

    Errors: UpstreamError.
    """
    document = read_object(name, answer.body)
    try:
        inputs, outputs = (read_specs(document, role) for role in ("inputs", "outputs"))
    except ValueError as error:
        raise nonsense(name, str(error)) from error
    return Signature(DEFAULT_SIGNATURE, inputs, outputs)


def read_specs(document: Mapping[str, Any], role: str) -> dict[str, TensorSpec]:
    """The tensors of one side.

    Errors: ShapeError.
    """
    found = {}
    for entry in member(document, role, list) or ():
        tensor, datatype = member(entry, "name", str), member(entry, "datatype", str)
        if not tensor or datatype not in DTYPES:
            raise ShapeError(f"its {role} have one of type {datatype!r}, which is none that is known")
        found[tensor] = TensorSpec(tensor, DTYPES[datatype], shape_of(entry, opens=True), tensor)
    if not found:
        raise ShapeError(f"it tells no {role}")
    return found


def shape_of(entry: Any, *, opens: bool = False) -> Any:
    """The shape of a tensor; `opens` = -1 stands for any size.

    Errors: ShapeError.
    """
    shape = member(entry, "shape", list)
    least = -1 if opens else 0
    if shape is None or len(shape) > MOST_RANK or not all(type(n) is int and n >= least for n in shape):
        raise ShapeError("a tensor's shape is no list of sizes")
    return tuple(None if size < 0 else size for size in shape)


def written(request: TensorRequest, *, raw: bool) -> tuple[list[Any], list[tuple[str, str]]]:
    """The request's body and what its headers say of that."""
    inputs = []
    parts: list[Any] = []
    for name, tensor in request.inputs.items():
        entry: dict[str, Any] = {
            "name": name,
            "shape": list(tensor.array.shape),
            "datatype": DATATYPES[tensor.dtype],
        }
        if raw:
            parts.append(packed(tensor))
            entry["parameters"] = {SIZE: len(parts[-1])}
        else:
            entry["data"] = plain(Tensor(tensor.dtype, tensor.array.reshape(-1)))
        inputs.append(entry)
    document: dict[str, Any] = {"inputs": inputs}
    parameters: dict[str, Any] = dict(request.parameters or {})
    if request.outputs is not None:
        told = {"parameters": {"binary_data": True}} if raw else {}
        document["outputs"] = [{"name": name, **told} for name in request.outputs]
    elif raw:
        parameters["binary_data_output"] = True
    if parameters:
        document["parameters"] = parameters
    head = json.dumps(document, separators=(",", ":")).encode()
    if not raw:
        return [head], [JSON_TYPE]
    return [head, *parts], [OCTETS, (LENGTH, str(len(head)))]


def read_infer(name: str, signature: Signature, request: TensorRequest, answer: Answer) -> TensorResponse:
    """The outputs in an answer.

    Errors: UpstreamError where they are not those of the model.
    """
    try:
        outputs = read_outputs(name, answer)
        for output in signature.outputs if request.outputs is None else request.outputs:
            if output not in outputs:
                raise ShapeError(f"output {output!r} is missing")
            if outputs[output].dtype is not signature.outputs[output].dtype:
                raise ShapeError(f"output {output!r} is {outputs[output].dtype.value}")
    except (TypeError, ValueError, OverflowError) as error:
        raise nonsense(name, str(error)) from error
    return TensorResponse({output: outputs[output] for output in signature.outputs if output in outputs})


def read_outputs(name: str, answer: Answer) -> dict[str, Tensor]:
    """All tensors of an answer.

    Errors: ShapeError, UpstreamError.
    """
    length = len(answer.body)
    if (told := answer.headers.get(LENGTH)) is not None:
        if not (told.isascii() and told.isdecimal()) or int(told) > length:
            raise ShapeError("its JSON is said to be longer than all of it")
        length = int(told)
    document = read_object(name, answer.body[:length])
    rest = memoryview(answer.body)[length:]
    outputs = {}
    for entry in member(document, "outputs", list) or ():
        output, datatype = member(entry, "name", str), member(entry, "datatype", str)
        if not output or datatype not in DTYPES:
            raise ShapeError(f"it has an output of type {datatype!r}, which is none that is known")
        dtype, shape = DTYPES[datatype], shape_of(entry)
        size = member(member(entry, "parameters", dict) or {}, SIZE, int)
        if size is None:
            data = member(entry, "data", list)
            if data is None:
                raise ShapeError(f"output {output!r} has no data")
            outputs[output] = Tensor(dtype, array_of(data, dtype, shape))
            continue
        if not 0 <= size <= len(rest):
            raise ShapeError(f"output {output!r} is said to have {size} bytes, and {len(rest)} are left")
        outputs[output] = Tensor(dtype, unpacked(rest[:size], dtype, shape))
        rest = rest[size:]
    return outputs

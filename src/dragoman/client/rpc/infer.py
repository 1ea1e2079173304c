"""`infer` over gRPC: messages whose tensors are raw bytes, put together without copying those twice."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.client.codec import Inference
from dragoman.client.errors import BadAnswer, Code, InvalidInput, ServerError
from dragoman.client.exchange import Buffer, PartsReader
from dragoman.client.outputs import json_output, own, raw_output
from dragoman.client.results import Parameter, Parameters, Result
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import Array, DType
from dragoman.wire.datatypes import DATATYPES, DTYPES
from dragoman.wire.proto_fields import as_data, field, fields, text, varint
from dragoman.wire.protobuf import message_classes, read_message
from dragoman.wire.raw_tensors import write_raw

MESSAGES: Final = message_classes("inference", ("InferParameter", "ModelInferRequest", "ModelInferResponse"))
RAW_INPUT: Final = varint(7 << 3 | 2)  # ModelInferRequest.raw_input_contents
RAW_OUTPUT: Final = 6 << 3 | 2  # ModelInferResponse.raw_output_contents
ERROR_MESSAGE: Final = 1 << 3 | 2  # ModelStreamInferResponse.error_message
INFER_RESPONSE: Final = 2 << 3 | 2  # ModelStreamInferResponse.infer_response
INT64: Final = range(-(2**63), 2**63)
UINT64: Final = range(2**64)

# Where the elements of a tensor are that is not raw; FP16 and BF16 have no field.
CONTENTS: Final[Mapping[DType, str]] = {
    DType.BOOL: "bool_contents",
    DType.INT8: "int_contents",
    DType.INT16: "int_contents",
    DType.INT32: "int_contents",
    DType.INT64: "int64_contents",
    DType.UINT8: "uint_contents",
    DType.UINT16: "uint_contents",
    DType.UINT32: "uint_contents",
    DType.UINT64: "uint64_contents",
    DType.FP32: "fp32_contents",
    DType.FP64: "fp64_contents",
    DType.BYTES: "bytes_contents",
}


def infer_body(call: Inference) -> list[Buffer]:
    """A ModelInferRequest: its small fields, then each tensor.

    Errors: InvalidInput for what the message cannot hold.
    """
    message = MESSAGES["ModelInferRequest"](
        model_name=call.model,
        model_version="" if call.version is None else str(call.version),
        id=call.request_id or "",
        parameters=write_parameters(call.parameters),
    )
    body: list[Buffer] = [b""]
    for name, tensor in call.tensors.items():
        message.inputs.add(name=name, datatype=DATATYPES[tensor.dtype], shape=tensor.array.shape)
        try:
            data = write_raw(tensor)
        except DragomanError as error:
            raise InvalidInput(f"input {name!r}: {error.message}") from None
        body += (RAW_INPUT + varint(len(data)), data)
    for name, own_parameters in (call.outputs or {}).items():
        message.outputs.add(name=name, parameters=write_parameters(own_parameters))
    body[0] = message.SerializeToString()
    return body


def write_parameters(parameters: Parameters) -> dict[str, Any]:
    """Parameters as messages.

    Errors: InvalidInput for a value of another kind.
    """
    return {key: write_parameter(key, value) for key, value in parameters.items()}


def write_parameter(key: str, value: object) -> Any:
    """One parameter as a message.

    Errors: InvalidInput for a value of another kind.
    """
    kind = MESSAGES["InferParameter"]
    match value:
        case bool():
            return kind(bool_param=value)
        case int() if value in INT64:
            return kind(int64_param=value)
        case int() if value in UINT64:
            return kind(uint64_param=value)
        case float():
            return kind(double_param=value)
        case str():
            return kind(string_param=value)
    raise InvalidInput(f"parameter {key!r} is no text, number or bool that a parameter can be")


def read_infer(body: Buffer) -> Result:
    """The result that a ModelInferResponse is.

    Errors: BadAnswer.
    """
    small, raw = [], []
    try:
        for key, value in fields(as_data(body)):
            if key == RAW_OUTPUT:
                raw.append(value)
            elif isinstance(value, int):
                raise BadAnswer("the answer is no ModelInferResponse")
            else:
                small.append(field(key, bytes(value)))
        message = read_message(MESSAGES["ModelInferResponse"], b"".join(small))
    except DragomanError as error:
        raise BadAnswer(f"the answer is no ModelInferResponse: {error.message}") from None
    if raw and len(raw) != len(message.outputs):
        raise BadAnswer(f"the answer has {len(message.outputs)} outputs, and raw contents of {len(raw)}")
    arrays: dict[str, Array] = {}
    for index, output in enumerate(message.outputs):
        if output.name in arrays:
            raise BadAnswer(f"output {output.name!r} comes twice")
        arrays[output.name] = read_output(output, raw[index] if raw else None)
    return Result(
        arrays,
        model=message.model_name,
        version=message.model_version,
        id=message.id,
        parameters=read_parameters(message.parameters),
    )


def read_output(output: Any, raw: Buffer | None) -> Array:
    """The array of an InferOutputTensor, whose bytes may stand elsewhere.

    Errors: BadAnswer.
    """
    dtype = DTYPES.get(output.datatype)
    if dtype is None:
        raise BadAnswer(f"there is no data type {output.datatype!r}")
    shape = tuple(output.shape)
    if raw is not None:
        return own(raw_output(output.name, raw, dtype, shape))
    if dtype not in CONTENTS:
        raise BadAnswer(f"output {output.name!r} has no raw contents, and {output.datatype} has no others")
    elements = list(getattr(output.contents, CONTENTS[dtype]))
    if dtype is DType.BYTES:
        return raw_output(output.name, framed(elements), dtype, shape)
    return json_output(output.name, elements, dtype, shape)


def framed(elements: list[bytes]) -> bytes:
    """Elements of BYTES in the raw form."""
    return b"".join(part for element in elements for part in (len(element).to_bytes(4, "little"), element))


def read_parameters(found: Mapping[str, Any]) -> dict[str, Parameter]:
    """Parameters by name; those of no kind that is known here are left out."""
    kinds = {key: value.WhichOneof("parameter_choice") for key, value in found.items()}
    return {key: getattr(found[key], kind) for key, kind in kinds.items() if kind}


class MessageReader(PartsReader):
    """The messages of a ModelStreamInfer to results."""

    def feed(self, part: Buffer) -> list[Result]:
        """The result in one message; none where it only says that there are no more.

        Errors: ServerError where it tells of a failure; BadAnswer.
        """
        told = ""
        found = None
        try:
            for key, value in fields(as_data(part)):
                if key == ERROR_MESSAGE:
                    told = text(value)
                elif key == INFER_RESPONSE:
                    found = value
        except DragomanError as error:
            raise BadAnswer(f"the answer is no ModelStreamInferResponse: {error.message}") from None
        if told:
            raise ServerError(told, code=Code.INTERNAL, status=0)
        result = read_infer(b"" if found is None else found)
        return [result] if result.arrays or not result.parameters.get("triton_final_response") else []

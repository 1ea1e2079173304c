"""The Open Inference Protocol with MLServer's gRPC stub, its converters and its codecs.

python mlserver_grpc_calls.py ADDRESS ADDRESS_OF_ITS_DIALECT
"""

import grpc
import numpy as np
import tensors
from answers import tell
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc.converters import (
    ModelInferRequestConverter,
    ModelInferResponseConverter,
    ModelMetadataResponseConverter,
    ServerMetadataResponseConverter,
)
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.types import InferenceRequest, Parameters, RequestInput, RequestOutput

TIMEOUT_S = 60.0
MODEL = "half_plus_two"
DATATYPES = {
    "bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64", "string": "BYTES",
    **{name: name.upper() for name in tensors.INTEGERS},
}  # fmt: skip


def stub(address):
    options = [("grpc.max_receive_message_length", -1)]
    return GRPCInferenceServiceStub(grpc.insecure_channel(address, options))


def given(array, name="x"):
    """An input of an array's very elements; the codec of arrays makes null of NaN."""
    datatype = DATATYPES["string" if array.dtype == np.object_ else array.dtype.name]
    return RequestInput(name=name, shape=list(array.shape), datatype=datatype, data=array.flatten().tolist())


def message(model, *inputs, raw=False, version="", **more):
    asked = InferenceRequest(inputs=list(inputs), **more)
    return ModelInferRequestConverter.from_types(asked, model, version, use_raw=raw)


def infer(calls, asked):
    return ModelInferResponseConverter.to_types(calls.ModelInfer(asked, timeout=TIMEOUT_S))


def array_of(output):
    """An output's elements as an array of its type and shape."""
    data = list(output.data)
    if output.datatype == "BYTES":
        return tensors.byte_strings(*data).reshape(output.shape)
    names = {datatype: name for name, datatype in DATATYPES.items()}
    return np.array(data, names[str(output.datatype)]).reshape(output.shape)


def health(address, _):
    calls = stub(address)
    return {
        "live": calls.ServerLive(pb.ServerLiveRequest(), timeout=TIMEOUT_S).live,
        "ready": calls.ServerReady(pb.ServerReadyRequest(), timeout=TIMEOUT_S).ready,
        "models": {
            name: calls.ModelReady(pb.ModelReadyRequest(name=name), timeout=TIMEOUT_S).ready
            for name in (MODEL, "broken", "nope")
        },
    }


def metadata(address, _):
    calls = stub(address)
    server = calls.ServerMetadata(pb.ServerMetadataRequest(), timeout=TIMEOUT_S)
    model = calls.ModelMetadata(pb.ModelMetadataRequest(name="two_out"), timeout=TIMEOUT_S)
    return {
        "server": ServerMetadataResponseConverter.to_types(server).name,
        "model": ModelMetadataResponseConverter.to_types(model).model_dump(exclude_none=True),
    }


def infer_both_ways(address, _):
    """An answer to numbers and one to raw bytes, with what they say of themselves."""
    calls = stub(address)
    found = {}
    for raw in (False, True):
        x = given(np.array([1, 2, 5], np.float32))
        answer = infer(calls, message(MODEL, x, raw=raw, version="1", id="7"))
        y = answer.outputs[0]
        found["raw" if raw else "numbers"] = {
            "model": [answer.model_name, answer.model_version, answer.id],
            "y": [list(y.data), list(y.shape), str(y.datatype)],
        }
    return found


def every_type(address, _):
    """Which types do not come back bit for bit. The converter writes FP16 raw only, with one NaN."""
    calls = stub(address)
    arrays = tensors.every_type() | {"float16": tensors.every_type_as_text()["float16"]}
    return {
        f"{name} {raw}": answer
        for name, sent in arrays.items()
        for raw in (False, True)
        if raw or name != "float16"
        for answer in [array_of(infer(calls, message(f"echo_{name}", given(sent), raw=raw)).outputs[0])]
        if not tensors.same(answer, sent)
    }


def every_shape(address, _):
    """Which shapes do not come back, in either form."""
    calls = stub(address)
    return {
        f"{name} {shape} {raw}": answer
        for name in ("bool", "int64", "float32", "string")
        for shape in tensors.SHAPES
        for raw in (False, True)
        for sent in [tensors.shaped(name, shape)]
        for answer in [array_of(infer(calls, message(f"echo_{name}", given(sent), raw=raw)).outputs[0])]
        if not tensors.same(answer, sent)
    }


def several_outputs(address, _):
    """Which outputs come back wrong beside one that is empty, large, or of a type without a field."""
    calls = stub(address)
    one, none, many = np.ones(2, np.float32), np.zeros(0, np.int64), np.ones(300_000, np.float32)
    whole = np.arange(3, dtype=np.int64)
    cases = {"plain": (one, whole), "empty": (one, none), "large": (many, whole), "nothing": (many[:0], none)}
    wrong = {}
    for case, (single, integers) in cases.items():
        sent = {"single": single, "half": single.astype(np.float16), "whole": integers}
        for chosen in (["single", "whole"], ["single", "half", "whole"], ["half"]):
            for raw in (False, True):
                inputs = [given(single, "single_in"), given(integers, "whole_in")]
                outputs = [RequestOutput(name=name) for name in chosen]
                answer = infer(calls, message("several", *inputs, raw=raw, outputs=outputs))
                for output in answer.outputs:
                    if not tensors.same(array_of(output), sent[output.name]):
                        wrong[f"{case} {chosen} {raw} {output.name}"] = output.shape
    return wrong


def codecs(address, _):
    """Arrays, texts and bytes through MLServer's own codecs; base64 is sent as such."""
    calls = stub(address)
    array = np.array([[1.5, 2.5], [3.5, 4.5]], np.float32)
    texts = ["plain", "\N{SNOWMAN}"]
    asked = {
        "array": ("echo_float32", NumpyCodec, array),
        "texts": ("echo_string", StringCodec, texts),
        "bytes": ("echo_string", Base64Codec, [b"\0\xff", b"more"]),
    }
    found = {}
    for name, (model, codec, payload) in asked.items():
        output = infer(calls, message(model, codec.encode_input("x", payload))).outputs[0]
        read = StringCodec if codec is StringCodec else NumpyCodec
        found[name] = list(output.data) if name == "bytes" else read.decode_output(output)
    return found


def parameters(address, _):
    calls = stub(address)
    x = given(np.array([1], np.float32))
    x.parameters = Parameters(content_type="np", anything=True)
    more = {
        "parameters": Parameters(content_type="np", text="a", number=7),
        "outputs": [RequestOutput(name="y", parameters=Parameters(content_type="np"))],
    }
    return list(infer(calls, message(MODEL, x, **more)).outputs[0].data)


def errors(address, _):
    calls = stub(address)
    x = given(np.array([1], np.float32))
    wrong = {
        "unknown model": message("nope", x),
        "unknown version": message(MODEL, x, version="99"),
        "wrong datatype": message(MODEL, given(np.array([1], np.int32))),
        "unknown input": message(MODEL, given(np.array([1], np.float32), "z")),
    }
    return {name: refusal(calls.ModelInfer, asked) for name, asked in wrong.items()}


def refusal(call, asked):
    """How a call fails; an error if it does not."""
    try:
        call(asked, timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return {"status": error.code().name, "message": error.details()}
    raise AssertionError("the call was answered")


def stream(_, address):
    """Bare answers to requests of several models on one stream."""
    x, rows = given(np.array([1], np.float32)), given(np.array([[3, 1]], np.float32))
    start = given(np.array([3], np.int32), "start")
    asked = [message(MODEL, x, id="1"), message("two_out", rows, id="2"), message("countdown", start, id="3")]
    answers = stub(address).ModelStreamInfer(iter(asked), timeout=TIMEOUT_S)
    found = {}
    for answer in map(ModelInferResponseConverter.to_types, answers):
        given_outputs = {output.name: list(output.data) for output in answer.outputs}
        found.setdefault(answer.id, []).append(given_outputs)
    return found


def stream_that_fails(_, address):
    """The first failure is the stream's end."""
    x = given(np.array([1], np.float32))
    answers = stub(address).ModelStreamInfer(iter([message(MODEL, x), message("nope", x)]), timeout=TIMEOUT_S)
    read = [next(answers).model_name]
    try:
        next(answers)
    except grpc.RpcError as error:
        read.append(f"{error.code().name}: {error.details()}")
    return read


def numbers_alone(_, address):
    """In its dialect numbers are answered as numbers and nothing else."""
    answer = stub(address).ModelInfer(message(MODEL, given(np.array([1], np.float32))), timeout=TIMEOUT_S)
    return [list(answer.outputs[0].contents.fp32_contents), len(answer.raw_output_contents)]


if __name__ == "__main__":
    tell(
        health, metadata, infer_both_ways, every_type, every_shape, several_outputs, codecs, parameters,
        errors, stream, stream_that_fails, numbers_alone,
    )  # fmt: skip

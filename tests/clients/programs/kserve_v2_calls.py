"""The Open Inference Protocol with KServe's REST and gRPC clients.

python kserve_v2_calls.py rest|grpc ADDRESS
"""

import asyncio

import grpc
import httpx
import numpy as np
import tensors
from answers import tell
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from kserve.utils.numpy_codec import from_np_dtype

MODEL = "half_plus_two"


class Client:
    """Calls of either client, which wait for their answers; one connection for all of them."""

    def __init__(self, transport, address):
        self.transport = transport
        self._where = () if transport == "grpc" else (f"http://{address}",)
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(self._open(address))

    async def _open(self, address):
        if self.transport == "grpc":
            return InferenceGRPCClient(address)
        return InferenceRESTClient(RESTConfig(protocol="v2"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    def ask(self, name, *arguments, **options):
        """What a method gives."""
        call = getattr(self._client, name)(*self._where, *arguments, **options)
        return self._loop.run_until_complete(call)

    def infer(self, request, **options):
        """What a model answers."""
        named = {} if self.transport == "grpc" else {"model_name": request.model_name}
        return self.ask("infer", request, **named, **options)

    def refusal(self, name, *arguments, **options):
        """How a call fails; an error if it does not."""
        try:
            getattr(self, name)(*arguments, **options)
        except httpx.HTTPStatusError as error:
            return {"status": str(error.response.status_code), "message": str(error)}
        except httpx.TimeoutException:
            return {"status": "timeout"}
        except grpc.RpcError as error:
            return {"status": error.code().name, "message": error.details()}
        raise AssertionError("the call was answered")


def given(array, name="x", *, binary=True):
    """An input; `binary` = raw bytes, else numbers in the body or message itself."""
    made = InferInput(name, list(array.shape), from_np_dtype(array.dtype))
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def request(model, *inputs, **more):
    return InferRequest(model, list(inputs), **more)


def health(*where):
    with Client(*where) as client:
        return {
            "live": client.ask("is_server_live"),
            "ready": client.ask("is_server_ready"),
            "models": {name: client.ask("is_model_ready", name) for name in (MODEL, "broken", "nope")},
        }


def infer(*where):
    with Client(*where) as client:
        asked = request(MODEL, given(np.array([1, 2, 5], np.float32)), request_id="7")
        answer = client.infer(asked)
        (output,) = answer.outputs
        return {
            "model": answer.model_name,
            "id": answer.id,
            "output": [output.name, output.datatype, list(output.shape)],
            "y": output.as_numpy(),
        }


def behind_a_prefix(transport, address):
    """The same where the address has a path, which only the REST client's can have."""
    with Client(transport, f"{address}/serving" if transport == "rest" else address) as client:
        answer = client.infer(request(MODEL, given(np.array([1], np.float32))))
        return {"ready": client.ask("is_model_ready", MODEL), "y": answer.outputs[0].as_numpy()}


def every_type(*where):
    """Which types do not come back bit for bit, as raw bytes both ways."""
    arrays = tensors.every_type()
    if where[0] == "rest":
        arrays |= {"string": arrays["string"][:-1]}  # it decodes what it gets
    with Client(*where) as client:
        return unequal(client, arrays, binary=True)


def every_type_as_numbers(*where):
    """The same as JSON, or in the fields of the message. The client writes no FP16 so, and no NaN as JSON."""
    arrays = tensors.every_type_as_text() if where[0] == "rest" else tensors.every_type()
    del arrays["float16"]
    if where[0] == "rest":
        arrays |= {name: tensors.finite_floats(name) for name in ("float32", "float64")}
    else:
        arrays |= {"string": arrays["string"][:-1]}
    with Client(*where) as client:
        return unequal(client, arrays, binary=False)


def unequal(client, arrays, *, binary):
    return {
        name: answer
        for name, sent in arrays.items()
        if not tensors.same(answer := echoed(client, name, sent, binary=binary), sent)
    }


def echoed(client, name, sent, *, binary):
    outputs = [RequestedOutput("y", {"binary_data": binary})]
    asked = request(f"echo_{name}", given(sent, binary=binary), request_outputs=outputs)
    return client.infer(asked).outputs[0].as_numpy()


def every_shape(*where):
    """Which shapes do not come back, in either form."""
    names = ["bool", "int64", "float32", "string"]
    with Client(*where) as client:
        return {
            f"{name} {shape} {binary}": answer
            for name in names
            for shape in tensors.SHAPES
            for binary in (True, False)
            for sent in [tensors.shaped(name, shape)]
            if not tensors.same(answer := echoed(client, name, sent, binary=binary), sent)
        }


def several_inputs(*where):
    """Inputs in another order than the model's, and some of the outputs."""
    sent = {
        "sensor": np.arange(8, dtype=np.int64).reshape(2, 2, 2),
        "tag": tensors.byte_strings(b"a", b"b"),
        "signal": np.arange(10, dtype=np.int64).reshape(2, 5),
    }
    with Client(*where) as client:
        inputs = [given(array, name) for name, array in sent.items()]
        outputs = [RequestedOutput("signal_out"), RequestedOutput("tag_out")]
        answer = client.infer(request("mixed", *inputs, request_outputs=outputs))
        return {
            output.name: tensors.same(output.as_numpy(), sent[output.name.removesuffix("_out")])
            for output in answer.outputs
        }


def parameters(*where):
    """Of the request, of its input and of its output."""
    with Client(*where) as client:
        x = given(np.array([1], np.float32))
        x.parameters = {**x.parameters, "content_type": "np"}
        outputs = [RequestedOutput("y", {"content_type": "np"})]
        more = {"parameters": {"text": "a", "number": 7, "flag": True}, "request_outputs": outputs}
        return client.infer(request(MODEL, x, **more)).outputs[0].as_numpy()


def classification(*where):
    with Client(*where) as client:
        rows = given(np.array([[0.5, 3.3, -1.0]], np.float32))
        outputs = [RequestedOutput("y", {"classification": 2})]
        output = client.infer(request("scored", rows, request_outputs=outputs)).outputs[0]
        return [tensors.as_bytes(text) for text in output.as_numpy().flat]


def large(*where):
    """Twelve megabytes of raw bytes there and back."""
    sent = np.arange(3_000_000, dtype=np.float32)
    with Client(*where) as client:
        return tensors.same(echoed(client, "float32", sent, binary=True), sent)


def impatience(*where):
    with Client(*where) as client:
        rounds = given(np.array([3000], np.int64), "rounds")
        told = client.refusal("infer", request("slow", rounds), timeout=0.1)
        after = client.infer(request(MODEL, given(np.array([1], np.float32)))).outputs[0].as_numpy()
        return {"told": told["status"], "after": after}


def errors(*where):
    with Client(*where) as client:
        x = given(np.array([1], np.float32))
        wrong = {
            "unknown model": request("nope", x),
            "model that is not ready": request("broken", x),
            "unknown input": request(MODEL, given(np.array([1], np.float32), "z")),
            "wrong datatype": request(MODEL, given(np.array([1], np.int32))),
            "wrong shape": request(MODEL, given(np.ones((1, 2), np.float32))),
            "unknown output": request(MODEL, x, request_outputs=[RequestedOutput("nope")]),
            "callers fault": request("countdown", given(np.array([-1], np.int32), "start")),
            "models fault": request("countdown", given(np.array([13], np.int32), "start")),
        }
        return {name: client.refusal("infer", asked) for name, asked in wrong.items()}


if __name__ == "__main__":
    tell(
        health, infer, behind_a_prefix, every_type, every_type_as_numbers, every_shape, several_inputs,
        parameters, classification, large, impatience, errors,
    )  # fmt: skip

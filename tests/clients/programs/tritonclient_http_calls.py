"""What tritonclient can do over HTTP alone: JSON beside binary tensors, bodies by themselves, late answers.

python tritonclient_http_calls.py sync|aio ADDRESS
"""

from urllib.request import Request, urlopen

import ml_dtypes
import numpy as np
import tensors
from answers import tell
from triton_client import Client
from tritonclient.utils import InferenceServerException

MODEL = "half_plus_two"
LENGTH = "Inference-Header-Content-Length"


def json_in_and_out(*where):
    """Which types do not come back bit for bit, where the request, the answer or both are JSON."""
    with Client("http", *where) as client:
        return {
            f"{name} {sent_binary} {answered_binary}": given
            for name, sent in tensors.every_type_as_text().items()
            for sent_binary, answered_binary in ((False, False), (False, True), (True, False))
            if not tensors.same(given := echoed(client, name, sent, sent_binary, answered_binary), sent)
        }


def bfloat16_as_json(*where):
    """Whether every bfloat16 but NaN comes back; the client sends them in binary form only."""
    every = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    sent = every[~np.isnan(every)]
    with Client("http", *where) as client:
        return tensors.same(echoed(client, "bfloat16", sent, True, False), sent)


def json_of_every_shape(*where):
    """Which shapes do not come back."""
    names = ["bool", "int64", "float16", "float32", "string"]
    with Client("http", *where) as client:
        return {
            f"{name} {shape}": given
            for name in names
            for shape in tensors.SHAPES
            for sent in [tensors.shaped(name, shape)]
            if not tensors.same(given := echoed(client, name, sent, False, False), sent)
        }


def echoed(client, name, sent, sent_binary, answered_binary):
    outputs = [client.output("y", binary_data=answered_binary)]
    given = client.infer(f"echo_{name}", [client.input(sent, binary_data=sent_binary)], outputs=outputs)
    return given.as_numpy("y")


def mixed_forms(*where):
    """JSON and binary inputs in one request, and such outputs in one answer, in any order."""
    sent = {
        "tag": tensors.byte_strings(b"a", b"b"),
        "signal": np.arange(10, dtype=np.int64).reshape(2, 5),
        "sensor": np.arange(8, dtype=np.int64).reshape(2, 2, 2),
    }
    with Client("http", *where) as client:
        found = {}
        for binary in ({"tag"}, {"signal"}, {"tag", "sensor"}):
            inputs = [client.input(sent[name], name, binary_data=name in binary) for name in sent]
            outputs = [
                client.output(f"{name}_out", binary_data=name not in binary) for name in reversed(sent)
            ]
            given = client.infer("mixed", inputs, outputs=outputs)
            found[" ".join(sorted(binary))] = {
                name: tensors.same(given.as_numpy(f"{name}_out"), sent[name]) for name in sent
            }
        return found


def classes_as_json(*where):
    with Client("http", *where) as client:
        given = [client.input(np.array([[0.5, 3.3, -1.0]], np.float32), binary_data=False)]
        outputs = [client.output("y", class_count=2, binary_data=False)]
        return client.infer("scored", given, outputs=outputs).as_numpy("y")


def bytes_that_are_no_text(*where):
    """They have no JSON."""
    with Client("http", *where) as client:
        given = [client.input(tensors.byte_strings(b"\xff"))]
        return client.refusal("infer", "echo_string", given, outputs=[client.output("y", binary_data=False)])


def query(*where):
    with Client("http", *where) as client:
        given = [client.input(np.array([1], np.float32))]
        return client.infer(MODEL, given, query_params={"a": "b c", "d": [1, 2]}).as_numpy("y")


def bodies(kind, address):
    """A body that the client only writes, sent by other means, and an answer that it only reads."""
    with Client("http", kind, address) as client:
        given = [client.input(np.array([4], np.float32))]
        library = client.library.InferenceServerClient
    body, size = library.generate_request_body(given, request_id="7")
    headers = {LENGTH: str(size)} if size is not None else {}
    with urlopen(Request(f"http://{address}/v2/models/{MODEL}/infer", body, headers)) as answer:
        read = library.parse_response_body(answer.read(), header_length=int(answer.headers[LENGTH]))
    return {"y": read.as_numpy("y"), "id": read.get_response()["id"]}


def behind_a_prefix(kind, address):
    with Client("http", kind, f"{address}/serving") as client:
        y = client.infer(MODEL, [client.input(np.array([1], np.float32))]).as_numpy("y")
        return {
            "ready": client.is_model_ready(MODEL),
            "y": y,
            "name": client.get_model_metadata(MODEL)["name"],
        }


def many_at_once(*where):
    """Answers to sixteen requests that are on their way together, each its own."""
    with Client("http", *where, **together(where[0], 16)) as client:
        inputs = [[client.input(np.array([number], np.float32))] for number in range(16)]
        if where[0] == "sync":
            calls = [client.async_infer(MODEL, given, request_id=str(n)) for n, given in enumerate(inputs)]
            answers = [call.get_result() for call in calls]
        else:
            answers = client.gathered(
                [client.later("infer", MODEL, given, request_id=str(n)) for n, given in enumerate(inputs)]
            )
        return [[answer.get_response()["id"], float(answer.as_numpy("y")[0])] for answer in answers]


def together(kind, connections):
    return {"concurrency": connections} if kind == "sync" else {"conn_limit": connections}


def a_late_refusal(*where):
    """A request that fails is told when its answer is asked for."""
    with Client("http", *where) as client:
        given = [client.input(np.array([1], np.float32))]
        if where[0] == "aio":
            return client.refusal("infer", "nope", given)
        call = client.async_infer("nope", given)
        try:
            call.get_result()
        except InferenceServerException as error:
            return {"status": error.status(), "message": error.message()}


def impatience(*where):
    """A client that waits a tenth of a second for what takes longer, and one that asks after it."""
    limit = {"network_timeout": 0.1} if where[0] == "sync" else {"conn_timeout": 0.1}
    rounds = np.array([3000], np.int64)
    with Client("http", *where, **limit) as client:
        try:
            client.infer("slow", [client.input(rounds, "rounds")])
            gave_up = False
        except TimeoutError:
            gave_up = True
    with Client("http", *where) as client:
        after = client.infer(MODEL, [client.input(np.array([1], np.float32))]).as_numpy("y")
    return {"gave up": gave_up, "after": after}


if __name__ == "__main__":
    tell(
        json_in_and_out, bfloat16_as_json, json_of_every_shape, mixed_forms, classes_as_json,
        bytes_that_are_no_text, query, bodies, behind_a_prefix, many_at_once, a_late_refusal, impatience,
    )  # fmt: skip

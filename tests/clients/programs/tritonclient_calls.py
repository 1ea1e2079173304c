"""Calls that tritonclient has over HTTP and gRPC alike, blocking and asynchronous.

python tritonclient_calls.py http|grpc sync|aio ADDRESS
"""

import ml_dtypes
import numpy as np
import tensors
from answers import tell
from triton_client import Client

MODEL = "half_plus_two"


def health(*where):
    with Client(*where) as client:
        versions = {"the newest": "", "1": "1", "99": "99"}
        return {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "models": {name: client.is_model_ready(name) for name in (MODEL, "broken", "nope")},
            "versions": {name: client.is_model_ready(MODEL, version) for name, version in versions.items()},
        }


def server_metadata(*where):
    with Client(*where) as client:
        return view(client, "get_server_metadata")


def model_metadata(*where):
    with Client(*where) as client:
        return {
            "of every type": view(client, "get_model_metadata", "mixed"),
            "of two versions": view(client, "get_model_metadata", MODEL),
            "of one version": view(client, "get_model_metadata", MODEL, "1"),
            "of any rank": view(client, "get_model_metadata", "echo_bfloat16"),
        }


def config(*where):
    with Client(*where) as client:
        found = view(client, "get_model_config", "mixed")
        return found["config"] if client.transport == "grpc" else found


def statistics(*where):
    """Those of two calls, and what can be asked for."""
    with Client(*where) as client:
        asked = [("add_sub", "1"), (MODEL, "")]
        before = counted(client)
        ones = np.ones((3, 16), np.int32)
        for _ in range(2):
            client.infer("add_sub", [client.input(ones, "INPUT0"), client.input(ones, "INPUT1")])
        return {
            "answered": counted(client) - before,
            "of a model": [
                [entry["name"], entry["version"]] for name, version in asked
                for entry in view(client, "get_inference_statistics", name, version)["model_stats"]
            ],
            "of all": len(view(client, "get_inference_statistics")["model_stats"]),
        }  # fmt: skip


def counted(client):
    (found,) = view(client, "get_inference_statistics", "add_sub")["model_stats"]
    return int(found.get("inference_count", 0))


def view(client, name, *arguments):
    """What a call that looks at the server gives; gRPC's messages leave out what is 0."""
    form = {"as_json": True} if client.transport == "grpc" else {}
    return getattr(client, name)(*arguments, **form)


def infer(*where):
    """Values, and what the answer says of itself."""
    with Client(*where) as client:
        array = np.array([1, 2, 5], np.float32)
        found = {}
        for version in ("", "1", "2"):
            given = client.infer(MODEL, [client.input(array)], model_version=version)
            found[version or "newest"] = {"y": given.as_numpy("y"), **described(client, given)}
        return found


def described(client, given):
    answer = given.get_response(as_json=True) if client.transport == "grpc" else given.get_response()
    return {key: answer.get(key) for key in ("model_name", "model_version", "id")}


def every_type(*where):
    """Which types do not come back bit for bit."""
    arrays = tensors.every_type()
    arrays["bfloat16"] = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16).reshape(2, -1)
    with Client(*where) as client:
        return {
            name: given
            for name, sent in arrays.items()
            if not tensors.same(given := echoed(client, name, sent), sent)
        }


def every_shape(*where):
    """Which shapes do not come back."""
    names = ["bool", "int64", "float16", "float32", "string"]
    with Client(*where) as client:
        return {
            f"{name} {shape}": given
            for name in names
            for shape in tensors.SHAPES
            for sent in [tensors.shaped(name, shape)]
            if not tensors.same(given := echoed(client, name, sent), sent)
        }


def echoed(client, name, sent):
    return client.infer(f"echo_{name}", [client.input(sent)]).as_numpy("y")


def several_inputs(*where):
    """Inputs in another order than the model's, and outputs as they are asked for."""
    with Client(*where) as client:
        sent = {
            "sensor": np.arange(8, dtype=np.int64).reshape(2, 2, 2),
            "tag": tensors.byte_strings(b"a", b"\xff\0"),
            "signal": np.arange(10, dtype=np.int64).reshape(2, 5),
        }
        given = [client.input(array, name) for name, array in sent.items()]
        whole = client.infer("mixed", given)
        some = client.infer("mixed", given, outputs=[client.output("tag_out"), client.output("signal_out")])
        return {
            "all": {name: tensors.same(whole.as_numpy(f"{name}_out"), sent[name]) for name in sent},
            "some": {
                name: tensors.same(some.as_numpy(f"{name}_out"), sent[name]) for name in ("tag", "signal")
            },
            "not asked for": some.as_numpy("sensor_out"),
        }


def classification(*where):
    with Client(*where) as client:
        given = [client.input(np.array([[0.5, 3.3, -1.0], [2.0, 2.0, 7.25]], np.float32))]
        found = {}
        for count in (1, 2, 5):
            output = client.output("y", class_count=count)
            found[str(count)] = client.infer("scored", given, outputs=[output]).as_numpy("y")
        bare = [client.output("sum", class_count=1), client.output("diff")]
        two = client.infer("two_out", [client.input(np.array([[1, 2], [3, 5]], np.float32))], outputs=bare)
        return {**found, "beside another": {name: two.as_numpy(name) for name in ("sum", "diff")}}


def request_id(*where):
    with Client(*where) as client:
        given = [client.input(np.array([1], np.float32))]
        return {
            identity: described(client, client.infer(MODEL, given, request_id=identity))["id"]
            for identity in ("", "7", 'an id with \N{SNOWMAN} and "quotes"')
        }


def parameters(*where):
    """Everything that a request may say besides its tensors."""
    with Client(*where) as client:
        given = client.infer(
            MODEL,
            [client.input(np.array([1], np.float32))],
            sequence_id=7,
            sequence_start=True,
            sequence_end=True,
            priority=1,
            timeout=5_000_000,
            headers={"x-anything": "1"},
            parameters={"text": "a", "number": 7, "flag": True, "real": 0.5},
        )
        named = client.infer(MODEL, [client.input(np.array([1], np.float32))], sequence_id="seven")
        return [given.as_numpy("y"), named.as_numpy("y")]


def compression(*where):
    """Which ways of compression do not give back what was sent, binary and as text."""
    sent = np.zeros((64, 256), np.float32)
    sent[::7] = 1 / 3
    with Client(*where) as client:
        return {
            str(options): given
            for options in ways_to_compress(client.transport)
            for given in [client.infer("echo_float32", [client.input(sent)], **options).as_numpy("y")]
            if not tensors.same(given, sent)
        }


def ways_to_compress(transport):
    algorithms = ("gzip", "deflate")
    if transport == "grpc":
        return [{"compression_algorithm": algorithm} for algorithm in algorithms]
    request, answer = "request_compression_algorithm", "response_compression_algorithm"
    return [
        way for each in algorithms for other in algorithms
        for way in ({request: each}, {answer: each}, {request: each, answer: other})
    ]  # fmt: skip


def large(*where):
    """Six megabytes there and back, more than gRPC's own limit."""
    sent = np.arange(1_500_000, dtype=np.float32)
    with Client(*where) as client:
        return tensors.same(echoed(client, "float32", sent), sent)


def one_part(*where):
    """A model that answers in parts: one part is an answer; and its faults are the caller's, or its own."""
    with Client(*where) as client:
        counts = {count: [client.input(np.array([count], np.int32), "start")] for count in (1, 2, -1, 13)}
        return {
            "one": client.infer("countdown", counts[1]).as_numpy("left"),
            "two": client.refusal("infer", "countdown", counts[2]),
            "callers fault": client.refusal("infer", "countdown", counts[-1]),
            "models fault": client.refusal("infer", "countdown", counts[13]),
        }


def errors(*where):
    with Client(*where) as client:
        x = client.input(np.array([1], np.float32))
        rows = np.ones((1, 16), np.int32)
        both = [client.input(rows, "INPUT0"), client.input(rows, "INPUT1")]
        wrong = {
            "unknown model": ("nope", [x], {}),
            "unknown version": (MODEL, [x], {"model_version": "99"}),
            "version that is none": (MODEL, [x], {"model_version": "abc"}),
            "model that is not ready": ("broken", [x], {}),
            "unknown input": (MODEL, [client.input(np.array([1], np.float32), "z")], {}),
            "input too many": (MODEL, [x, client.input(np.array([1], np.float32), "z")], {}),
            "input twice": (MODEL, [x, x], {}),
            "input missing": ("add_sub", both[:1], {}),
            "wrong datatype": (MODEL, [client.input(np.array([1], np.int32))], {}),
            "wrong shape": ("add_sub", [both[0], client.input(np.ones((1, 17), np.int32), "INPUT1")], {}),
            "wrong rank": (MODEL, [client.input(np.ones((1, 1), np.float32))], {}),
            "wrong size": (MODEL, [client.input(np.ones(3, np.float32)).set_shape([2])], {}),
            "unknown output": (MODEL, [x], {"outputs": [client.output("nope")]}),
            "output twice": (MODEL, [x], {"outputs": [client.output("y")] * 2}),
            "shared memory": (MODEL, [client.shared("x", [1], "FP32")], {}),
            "classes of booleans": (
                "echo_bool",
                [client.input(np.array([True]))],
                {"outputs": [client.output("y", class_count=1)]},
            ),
        }
        found = {
            name: client.refusal("infer", model, given, **more)
            for name, (model, given, more) in wrong.items()
        }
        views = {
            "metadata": ("get_model_metadata", "nope"),
            "metadata of a version": ("get_model_metadata", MODEL, "99"),
            "metadata of a model that is not ready": ("get_model_metadata", "broken"),
            "config": ("get_model_config", "nope"),
            "statistics": ("get_inference_statistics", "nope"),
        }
        return found | {name: client.refusal(*call) for name, call in views.items()}


if __name__ == "__main__":
    tell(
        health, server_metadata, model_metadata, config, statistics, infer, every_type, every_shape,
        several_inputs, classification, request_id, parameters, compression, large, one_part, errors,
    )  # fmt: skip

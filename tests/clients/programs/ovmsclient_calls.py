"""Every call that ovmsclient knows, over gRPC or HTTP, on the reference models.

python ovmsclient_calls.py grpc|http ADDRESS
"""

import sys

import numpy as np
from answers import tell
from ovmsclient import make_grpc_client, make_http_client, make_tensor_proto

MAKE = {"grpc": make_grpc_client, "http": make_http_client}
DTYPES = [
    "float16", "float32", "float64", "int8", "uint8", "int16", "uint16",
    "int32", "uint32", "int64", "uint64", "bool",
]  # fmt: skip


def predict_by_version(transport, address):
    client = MAKE[transport](address)
    sent = {"x": np.array([1, 2, 5], np.float32)}
    return {version: client.predict(sent, "half_plus_two", version) for version in (0, 1, 2)}


def predict_python_values(transport, address):
    client = MAKE[transport](address)
    return {
        "floats": client.predict({"x": [1.0, 2.0]}, "half_plus_two"),
        "one float": client.predict({"x": 4.0}, "half_plus_two"),
        "integers": client.predict({"x": [1, 2]}, "echo_int32"),
        "long integers": client.predict({"x": [2**40]}, "echo_int64"),
        "truth": client.predict({"x": [True, False]}, "echo_bool"),
        "text": client.predict({"x": "one"}, "echo_string"),
        "texts": client.predict({"x": [["one", "two"], ["three", "\N{SNOWMAN}"]]}, "echo_string"),
    }


def predict_several_outputs(transport, address):
    return MAKE[transport](address).predict({"x": np.array([[3, 1]], np.float32)}, "two_out")


def predict_several_inputs(transport, address):
    inputs = {
        "tag": ["a", "b"],
        "signal": np.arange(10).reshape(2, 5),
        "sensor": np.arange(8).reshape(2, 2, 2),
    }
    return MAKE[transport](address).predict(inputs, "mixed")


def predict_every_dtype(transport, address):
    client = MAKE[transport](address)
    failed = {}
    for name in DTYPES:
        sent = np.array([[0, 1, 1], [1, 0, 100]]).astype(name)
        given = client.predict({"x": sent}, f"echo_{name}")
        if given.tolist() != sent.tolist() or (transport == "grpc" and given.dtype != sent.dtype):
            failed[name] = given
    return failed


def predict_bytes(transport, address):
    return MAKE[transport](address).predict({"image_bytes": b"\xff\xd8 no text"}, "bytes_out")


def predict_a_made_tensor(_, address):
    made = make_tensor_proto([1, 2], dtype=1, shape=[2])  # DT_FLOAT
    return make_grpc_client(address).predict({"x": made}, "half_plus_two")


def metadata_by_version(transport, address):
    return MAKE[transport](address).get_model_metadata("half_plus_two", 1)


def status_by_version(transport, address):
    client = MAKE[transport](address)
    return {version: client.get_model_status("half_plus_two", version) for version in (0, 1)}


def errors(transport, address):
    client = MAKE[transport](address)
    x = np.array([1], np.float32)
    return {
        "unknown model": refusal(client.predict, {"x": x}, "nope"),
        "unknown version": refusal(client.predict, {"x": x}, "half_plus_two", 99),
        "wrong name": refusal(client.predict, {"z": x}, "half_plus_two"),
        "wrong dtype": refusal(client.predict, {"x": ["text"]}, "half_plus_two"),
        "status of an unknown model": refusal(client.get_model_status, "nope"),
        "status of an unknown version": refusal(client.get_model_status, "half_plus_two", 99),
        "metadata of an unknown model": refusal(client.get_model_metadata, "nope"),
    }


def upstream_empty_output(_, address):
    return refusal(make_http_client(address).predict, {"x": []}, "echo_float64")


def upstream_half_scalar(_, address):
    return refusal(make_grpc_client(address).predict, {"x": np.float16(1)}, "echo_float16")


def upstream_trailing_zero_bytes(_, address):
    return make_grpc_client(address).predict({"image_bytes": b"ab\0\0"}, "bytes_out")


def refusal(call, *arguments):
    """The name of the exception that a call ends with; an error if there is none."""
    try:
        call(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError("the call was answered")


BOTH = (
    predict_by_version, predict_python_values, predict_several_outputs, predict_several_inputs,
    predict_every_dtype, predict_bytes, metadata_by_version, status_by_version, errors,
)  # fmt: skip
ONE = {
    "grpc": (predict_a_made_tensor, upstream_half_scalar, upstream_trailing_zero_bytes),
    "http": (upstream_empty_output,),
}


if __name__ == "__main__":
    tell(*BOTH, *ONE[sys.argv[1]])

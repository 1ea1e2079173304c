"""Every call that ovmsclient knows, over gRPC or HTTP, on the reference models.

python ovmsclient_calls.py PACKAGE grpc|http ADDRESS    ovmsclient, or one that says it is the same
"""

import sys

import numpy as np
from answers import raised, refusal, tell
from ovmsclient_package import Package

DTYPES = [
    "float16", "float32", "float64", "int8", "uint8", "int16", "uint16",
    "int32", "uint32", "int64", "uint64", "bool",
]  # fmt: skip


def predict_by_version(package):
    sent = {"x": np.array([1, 2, 5], np.float32)}
    return {version: package.predict(sent, "half_plus_two", version) for version in (0, 1, 2)}


def predict_by_keyword(package):
    return package.predict(inputs={"x": [1.0]}, model_name="half_plus_two", model_version=1, timeout=20)


def predict_python_values(package):
    return {
        "floats": package.predict({"x": [1.0, 2.0]}, "half_plus_two"),
        "one float": package.predict({"x": 4.0}, "half_plus_two"),
        "integers": package.predict({"x": [1, 2]}, "echo_int32"),
        "one integer": package.predict({"x": 7}, "echo_int32"),
        "long integers": package.predict({"x": [2**40]}, "echo_int64"),
        "integers and floats": package.predict({"x": [1, 2.5]}, "half_plus_two"),
        "truth": package.predict({"x": [True, False]}, "echo_bool"),
        "nested": package.predict({"x": [[1.0, 2.0], [3.0, 4.0]]}, "echo_float32"),
        "not finite": list(map(str, package.predict({"x": [np.nan, np.inf, -np.inf]}, "echo_float32"))),
        "text": package.predict({"x": "one"}, "echo_string"),
        "texts": package.predict({"x": [["one", "two"], ["three", "\N{SNOWMAN}"]]}, "echo_string"),
        "bytes": package.predict({"x": b"one"}, "echo_string"),
        "many bytes": package.predict({"x": [b"one", b"two"]}, "echo_string"),
        "nested bytes": package.predict({"x": [[b"one"], [b"two"]]}, "echo_string"),
    }


def predict_numpy_scalars(package):
    failed = {}
    for name in DTYPES[1:]:
        sent = np.dtype(name).type(1)
        # A scalar is no array: of float64 and int64 the client makes what models mostly take.
        narrowed = {"float64": "float32", "int64": "int32"} if package.transport == "grpc" else {}
        given = package.predict({"x": sent}, f"echo_{narrowed.get(name, name)}")
        if given.tolist() != [1]:
            failed[name] = given
    return failed


def predict_every_dtype(package):
    failed = {}
    for name in DTYPES:
        for sent in arrays(name):
            given = package.predict({"x": sent}, f"echo_{name}")
            same = given.astype(name).tolist() == sent.tolist()  # over HTTP the client knows no types
            if not same or (package.transport == "grpc" and given.dtype != sent.dtype):
                failed[name] = given
    return failed


def arrays(name):
    """Arrays of a type: small ones, its least and its greatest, one that lies in memory in another order."""
    sent = np.array([[0, 1, 1], [1, 0, 100]]).astype(name)
    yield sent
    yield sent.T
    if sent.dtype.kind in "iu" and name != "uint64":
        limits = np.iinfo(name)
        yield np.array([limits.min, limits.max], name)
    if sent.dtype.kind == "f":
        limits = np.finfo(name)
        yield np.array([limits.min, limits.max, limits.tiny, 1 / 3], name)


def predict_arrays_of_texts(package):
    return {
        "str": package.predict({"x": np.array([["one", "\N{SNOWMAN}"]])}, "echo_string"),
        "bytes": package.predict({"x": np.array([b"one", b"three"])}, "echo_string"),
    }


def predict_several_outputs(package):
    return package.predict({"x": np.array([[3, 1]], np.float32)}, "two_out")


def predict_several_inputs(package):
    inputs = {
        "tag": ["a", "b"],
        "signal": np.arange(10).reshape(2, 5),
        "sensor": np.arange(8).reshape(2, 2, 2),
    }
    return package.predict(inputs, "mixed")


def predict_many_values(package):
    sent = np.arange(1_500_000, dtype=np.float32)
    return package.predict({"x": sent}, "echo_float32").astype(np.float32).tobytes() == sent.tobytes()


def predict_bytes(package):
    return package.predict({"image_bytes": b"\xff\xd8 no text"}, "bytes_out")


def metadata(package):
    return {
        "newest": package.client().get_model_metadata("half_plus_two"),
        "version 1": package.client().get_model_metadata("half_plus_two", 1),
        "texts": package.client().get_model_metadata(model_name="echo_string", timeout=20),
        "several": package.client().get_model_metadata("mixed"),
    }


def status(package):
    return {version: package.client().get_model_status("half_plus_two", version) for version in (0, 1)}


def refusals(package):
    """How calls fail that the server does not answer."""
    client = package.client()
    x = np.array([1], np.float32)
    return {
        "unknown model": refusal(client.predict, {"x": x}, "nope"),
        "unknown version": refusal(client.predict, {"x": x}, "half_plus_two", 99),
        "wrong name": refusal(client.predict, {"z": x}, "half_plus_two"),
        "no input": refusal(client.predict, {}, "half_plus_two"),
        "wrong dtype": refusal(client.predict, {"x": ["text"]}, "half_plus_two"),
        "wrong shape": refusal(client.predict, {"x": np.ones((1, 3), np.float32)}, "two_out"),
        "status of an unknown model": refusal(client.get_model_status, "nope"),
        "status of an unknown version": refusal(client.get_model_status, "half_plus_two", 99),
        "metadata of an unknown model": refusal(client.get_model_metadata, "nope"),
        "metadata of an unknown version": refusal(client.get_model_metadata, "half_plus_two", 99),
        "too late": refusal(client.predict, {"rounds": np.array([3000])}, "slow", timeout=0.1),
    }


def mistakes(package):
    """How calls fail that the client itself refuses."""
    client = package.client()
    x = {"x": [1.0]}
    return {
        "a list for inputs": refusal(client.predict, [1.0], "half_plus_two"),
        "a number for an input's name": refusal(client.predict, {1: [1.0]}, "half_plus_two"),
        "a tuple": refusal(client.predict, {"x": (1.0,)}, "half_plus_two"),
        "nothing": refusal(client.predict, {"x": None}, "half_plus_two"),
        "a date": refusal(client.predict, {"x": np.datetime64("2020-01-01")}, "half_plus_two"),
        "uneven lists": refusal(client.predict, {"x": [[1.0], [1.0, 2.0]]}, "half_plus_two"),
        "an integer of 70 bits": refusal(client.predict, {"x": [2**70]}, "half_plus_two"),
        "a text that is none": refusal(client.predict, {"x": "\ud800"}, "echo_string"),
        "a number for a name": refusal(client.predict, x, 1),
        "a text for a version": refusal(client.predict, x, "half_plus_two", "1"),
        "a version below 0": refusal(client.predict, x, "half_plus_two", -1),
        "a version of 64 bits": refusal(client.predict, x, "half_plus_two", 2**63),
        "no time": refusal(client.predict, x, "half_plus_two", timeout=0),
        "a text for a time": refusal(client.predict, x, "half_plus_two", timeout="soon"),
        "status with a text for a version": refusal(client.get_model_status, "half_plus_two", "1"),
        "metadata with a text for a version": refusal(client.get_model_metadata, "half_plus_two", "1"),
    }


def wrong_setups(package):
    """How a client is not made."""
    make = package.make
    return {
        "a number for an address": refusal(make, 9000),
        "a text for tls_config": refusal(make, "localhost:1", "file"),
        "tls_config without a certificate": refusal(make, "localhost:1", {}),
        "tls_config with a key alone": refusal(
            make, "localhost:1", {"server_cert_path": __file__, "client_key_path": __file__}
        ),
        "tls_config with another key": refusal(
            make, "localhost:1", {"server_cert_path": __file__, "ca": __file__}
        ),
        "tls_config with a number": refusal(make, "localhost:1", {"server_cert_path": 1}),
        "tls_config with no file": refusal(make, "localhost:1", {"server_cert_path": "nowhere.pem"}),
    }


def nobody_there(package):
    return refusal(package.make("localhost:1").get_model_status, "half_plus_two", timeout=20)


def predict_tensor_protos(package):
    """Tensors that were made beforehand; over gRPC."""
    make = package.module.make_tensor_proto
    return {
        "of a type": package.predict({"x": make([1, 2], dtype=1, shape=[2])}, "half_plus_two"),
        "of a list": package.predict({"x": make([1.0, 2.0])}, "half_plus_two"),
        "of a shape": package.predict({"x": make([1.0, 2.0, 3.0, 4.0], shape=(2, 2))}, "echo_float32"),
        "of bytes": package.predict({"x": make(b"file")}, "echo_string"),
        "of bytes that are elements": package.predict({"x": make(b"\1\0\2\0", dtype=5)}, "echo_int16"),
        "of texts": package.predict({"x": make(["one", "two"], dtype=7)}, "echo_string"),
        "from its namespace": package.predict(
            {"x": package.module.grpcclient.make_tensor_proto(1.0)}, "half_plus_two"
        ),
    }


def wrong_tensor_protos(package):
    """What no tensor can be made of."""
    make = package.module.make_tensor_proto
    return {
        "a tuple": refusal(make, (1.0,)),
        "no such type": refusal(make, [1.0], 99),
        "a shape that is none": refusal(make, [1.0], None, 1),
        "a size below 0": refusal(make, [1.0], None, [-1]),
        "a shape of another size": refusal(make, [1.0], None, [2]),
        "a text as a number": refusal(make, ["one"], 1),
    }


def clients_of_namespaces(package):
    grpc, http = package.module.grpcclient.make_client, package.module.httpclient.make_client
    return (grpc if package.transport == "grpc" else http)(package.address).get_model_status("echo_string")


@raised
def half_scalar(package):
    return package.predict({"x": np.float16(1.5)}, "echo_float16")


@raised
def integers_of_64_bits(package):
    return package.predict({"x": np.array([0, 2**64 - 1], np.uint64)}, "echo_uint64")


@raised
def trailing_zero_bytes(package):
    return package.predict({"image_bytes": b"ab\0\0"}, "bytes_out")


@raised
def trailing_zeros_of_texts(package):
    return package.predict({"x": ["ab\0"]}, "echo_string")


@raised
def nested_bytes_that_are_no_text(package):
    return package.predict({"x": [[b"\xff\xd8"]]}, "echo_string")


@raised
def pipeline(package):
    """A pipeline, where there is one."""
    return {
        "status": package.client().get_model_status("twice", 7),
        "metadata": package.client().get_model_metadata("twice"),
        "prediction": package.predict({"in": [4.0]}, "twice"),
    }


@raised
def empty_output(package):
    return package.predict({"x": np.zeros(0, np.float32)}, "echo_float32")


@raised
def objects(package):
    return package.predict({"x": np.array(["one", b"two"], object)}, "echo_string")


@raised
def complex_scalar(package):
    return package.module.make_tensor_proto(1 + 2j).tensor_content.hex()


if __name__ == "__main__":
    tell(
        predict_by_version, predict_by_keyword, predict_python_values, predict_numpy_scalars,
        predict_every_dtype, predict_arrays_of_texts, predict_several_outputs, predict_several_inputs,
        predict_many_values, predict_bytes, metadata, status, refusals, mistakes, wrong_setups, nobody_there,
        clients_of_namespaces, predict_tensor_protos, wrong_tensor_protos, half_scalar, integers_of_64_bits,
        trailing_zero_bytes, trailing_zeros_of_texts, nested_bytes_that_are_no_text, empty_output, objects,
        complex_scalar, pipeline,
        arguments=[Package(*sys.argv[1:])],
    )  # fmt: skip

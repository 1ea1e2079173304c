"""ovmsclient, and the package that takes its place: the same calls against live servers.

The released ovmsclient is unchanged, and is the judge: what holds for it holds for `dragoman.client.ovms`,
but for the defects at the end, which docs/ovmsclient.md names. Over HTTP the calls know no types: what comes
back has those that NumPy gives to Python's numbers and texts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Package, Told, run
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

AVAILABLE = {"state": "AVAILABLE", "error_code": 0, "error_message": ""}


@pytest.fixture(scope="module", params=["grpc", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["reference", "ovms"])
def server(request: pytest.FixtureRequest) -> Addresses:
    """A default server, and one that is started as OpenVINO Model Server is."""
    addresses: Addresses = request.getfixturevalue(request.param)
    return addresses


def at(addresses: Addresses, transport: str) -> str:
    return f"localhost:{getattr(addresses, transport).port}"


@pytest.fixture(scope="module")
def guide(package: Package, my_model: Mapping[str, Addresses], image: Path, transport: str) -> Told:
    """The calls of published guides, on my_model."""
    numbers, strings = at(my_model["numbers"], transport), at(my_model["strings"], transport)
    return run(package, "ovmsclient_my_model.py", package.name, transport, numbers, strings, image)


@pytest.fixture(scope="module")
def calls(package: Package, server: Addresses, transport: str) -> Told:
    """All other calls."""
    return run(package, "ovmsclient_calls.py", package.name, transport, at(server, transport))


@pytest.fixture(scope="module")
def calls_of_ovms(package: Package, ovms: Addresses, transport: str) -> Told:
    """The same on a server that is started as OpenVINO Model Server is."""
    return run(package, "ovmsclient_calls.py", package.name, transport, at(ovms, transport))


def values(told: Any) -> Any:
    """The elements of the arrays, without their types; bytes as the text that they are."""
    if isinstance(told, list):
        return [values(item) for item in told]
    if isinstance(told, dict) and told.keys() == {"dtype", "values"}:
        return values(told["values"])
    if isinstance(told, dict) and told.keys() == {"bytes"}:
        return told["bytes"].encode("latin-1").decode()
    if isinstance(told, dict):
        return {name: values(item) for name, item in told.items()}
    return told


def kinds(refusals: Mapping[str, Any]) -> Mapping[str, str]:
    """The exceptions that were raised, by their names."""
    return {name: refusal["kinds"][0] for name, refusal in refusals.items()}


def test_the_status_of_my_model_is_read(guide: Told) -> None:
    assert guide["status"] == {"1": AVAILABLE}


def test_the_metadata_of_my_model_is_read(guide: Told) -> None:
    tensor = {"shape": [], "dtype": "DT_FLOAT"}
    assert guide["metadata"] == {
        "model_version": 1,
        "inputs": {"input_name": tensor},
        "outputs": {"output_name": tensor},
    }


def test_an_array_of_doubles_is_predicted(guide: Told) -> None:
    assert values(guide["predict_array"]) == [2.0 * value for value in range(1, 1001)]


def test_strings_go_through(guide: Told) -> None:
    assert values(guide["predict_strings"]) == ["<string>"]


def test_an_image_goes_through_as_one_string(
    guide: Told, package: Package, transport: str, image: Path
) -> None:
    sent = image.read_bytes()
    wanted: Any = {"bytes": sent.decode("latin-1")}
    if transport == "http" and not package.is_ours:
        wanted = {"b64": "/9j/4CBub3QgYSBwaWN0dXJlIAABAgM="}  # it leaves them so
    assert guide["predict_image"]["values"] == [wanted]


def test_version_0_is_the_latest(calls: Told) -> None:
    latest = [3.5, 4.0, 5.5]
    assert values(calls["predict_by_version"]) == {"0": latest, "1": [2.5, 3.0, 4.5], "2": latest}


def test_arguments_may_be_named(calls: Told) -> None:
    assert values(calls["predict_by_keyword"]) == [2.5]


def test_python_values_feed_the_types_that_the_client_makes_of_them(calls: Told) -> None:
    assert values(calls["predict_python_values"]) == {
        "floats": [3.5, 4.0],
        "one float": [5.0],
        "integers": [1, 2],
        "one integer": [7],
        "long integers": [2**40],
        "integers and floats": [3.5, 4.25],
        "truth": [True, False],
        "nested": [[1.0, 2.0], [3.0, 4.0]],
        "not finite": ["nan", "inf", "-inf"],
        "text": ["one"],
        "texts": [["one", "two"], ["three", "\N{SNOWMAN}"]],
        "bytes": ["one"],
        "many bytes": ["one", "two"],
        "nested bytes": [["one"], ["two"]],
    }


def test_scalars_of_every_dtype_are_arrays_of_one(calls: Told) -> None:
    assert calls["predict_numpy_scalars"] == {}


def test_every_dtype_comes_back(calls: Told) -> None:
    assert calls["predict_every_dtype"] == {}


def test_arrays_of_texts_come_back(calls: Told) -> None:
    assert values(calls["predict_arrays_of_texts"]) == {
        "str": [["one", "\N{SNOWMAN}"]],
        "bytes": ["one", "three"],
    }


def test_texts_come_back_in_the_types_that_numpy_has_for_them(calls: Told, transport: str) -> None:
    dtypes = {"grpc": {"str": "bytes24", "bytes": "bytes40"}, "http": {"str": "str96", "bytes": "str160"}}
    told = calls["predict_arrays_of_texts"]
    assert {name: array["dtype"] for name, array in told.items()} == dtypes[transport]


def test_several_outputs_come_by_name(calls: Told) -> None:
    assert values(calls["predict_several_outputs"]) == {"sum": [4.0], "diff": [2.0]}


def test_several_inputs_go_by_name(calls: Told) -> None:
    assert values(calls["predict_several_inputs"]) == {
        "tag_out": ["a", "b"],
        "signal_out": [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]],
        "sensor_out": [[[0, 1], [2, 3]], [[4, 5], [6, 7]]],
    }


def test_an_array_of_six_megabytes_comes_back(calls: Told) -> None:
    assert calls["predict_many_values"] is True


def test_the_metadata_of_models_and_versions_are_read(calls: Told) -> None:
    number = {"shape": [-1], "dtype": "DT_FLOAT"}
    text = {"shape": [], "dtype": "DT_STRING"}
    mixed = {
        "tag": {"shape": [-1], "dtype": "DT_STRING"},
        "signal": {"shape": [-1, 5], "dtype": "DT_INT64"},
        "sensor": {"shape": [-1, 2, 2], "dtype": "DT_INT64"},
    }
    assert calls["metadata"] == {
        "newest": {"model_version": 2, "inputs": {"x": number}, "outputs": {"y": number}},
        "version 1": {"model_version": 1, "inputs": {"x": number}, "outputs": {"y": number}},
        "texts": {"model_version": 1, "inputs": {"x": text}, "outputs": {"y": text}},
        "several": {
            "model_version": 1,
            "inputs": mixed,
            "outputs": {f"{name}_out": tensor for name, tensor in mixed.items()},
        },
    }


def test_the_status_of_version_0_is_that_of_all(calls: Told) -> None:
    assert calls["status"] == {"0": {"1": AVAILABLE, "2": AVAILABLE}, "1": {"1": AVAILABLE}}


REFUSALS = {
    "unknown model": "ModelNotFoundError",
    "unknown version": "ModelNotFoundError",
    "wrong name": "InvalidInputError",
    "no input": "InvalidInputError",
    "wrong dtype": "InvalidInputError",
    "wrong shape": "InvalidInputError",
    "status of an unknown model": "ModelNotFoundError",
    "status of an unknown version": "ModelNotFoundError",
    "metadata of an unknown model": "ModelNotFoundError",
    "metadata of an unknown version": "ModelNotFoundError",
    "too late": "TimeoutError",
}


def test_refusals_raise_the_exceptions_that_the_client_documents(calls: Told) -> None:
    assert kinds(calls["refusals"]) == REFUSALS


def test_the_servers_words_follow_the_clients_own(calls: Told) -> None:
    says = {name: refusal["says"] for name, refusal in calls["refusals"].items()}
    assert all(words.startswith("Error occurred during handling the request: ") for words in says.values())
    assert says["too late"].endswith(": Request handling exceeded timeout")


NO_MODEL = "Model with requested name is not found"
NO_VERSION = "Model with requested version is not found"
WORDS = {
    "unknown model": {"grpc": "Pipeline with requested name is not found", "http": NO_MODEL},
    "unknown version": NO_VERSION,
    "wrong name": "Missing input with specific name - Required input: x",
    "no input": {
        "grpc": "Invalid number of inputs - Expected: 1; Actual: 0",
        "http": "Invalid JSON structure, missing inputs",
    },
    "wrong dtype": {
        "grpc": 'Invalid input precision - input "x": bytes given, float32 expected',
        "http": "Could not parse input content. Not valid ndarray detected - "
        'JSON Value: "text" Type: String is not of expected type: float',
    },
    "wrong shape": 'Invalid input shape - input "x": shape (1, 3) does not fit (?, 2)',
    "status of an unknown model": NO_MODEL,
    "status of an unknown version": NO_VERSION,
    "metadata of an unknown model": NO_MODEL,
    "metadata of an unknown version": NO_VERSION,
}


@pytest.mark.parametrize("refused", WORDS)
def test_the_sentences_are_openvino_model_servers(refused: str, transport: str, calls_of_ovms: Told) -> None:
    wanted: Any = WORDS[refused]
    said = calls_of_ovms["refusals"][refused]["says"].partition(": ")[2]
    assert said == (wanted if isinstance(wanted, str) else wanted[transport])


def test_a_pipeline_is_called_as_a_model_is(calls_of_ovms: Told) -> None:
    number = {"shape": [-1], "dtype": "DT_FLOAT"}
    assert values(calls_of_ovms["pipeline"]) == {
        "status": {"1": AVAILABLE},
        "metadata": {"model_version": 1, "inputs": {"in": number}, "outputs": {"out": number}},
        "prediction": [5.5],
    }


def test_what_the_server_refuses_is_an_error_of_the_server(calls: Told) -> None:
    raised = [refusal for refusal in calls["refusals"].values() if refusal["kinds"][0] != "TimeoutError"]
    assert all("ModelServerError" in refusal["kinds"] for refusal in raised)


MISTAKES = {
    "a list for inputs": "TypeError",
    "a number for an input's name": "TypeError",
    "a tuple": "TypeError",
    "nothing": "TypeError",
    "a date": "TypeError",
    "uneven lists": "ValueError",
    "an integer of 70 bits": "ValueError",
    "a text that is none": "UnicodeEncodeError",
    "a number for a name": "TypeError",
    "a text for a version": "TypeError",
    "a version below 0": "ValueError",
    "a version of 64 bits": "ValueError",
    "no time": "TypeError",
    "a text for a time": "TypeError",
    "status with a text for a version": "TypeError",
    "metadata with a text for a version": "TypeError",
}


def test_mistakes_are_told_before_anything_is_sent(calls: Told, package: Package, transport: str) -> None:
    mistakes = kinds(calls["mistakes"])
    if transport == "http" and not package.is_ours:
        assert mistakes == MISTAKES | {"a text that is none": "InvalidInputError"}  # it sends half a pair
    else:
        assert mistakes == MISTAKES


def test_a_client_is_not_made_of_nonsense(calls: Told) -> None:
    assert kinds(calls["wrong_setups"]) == {
        "a number for an address": "TypeError",
        "a text for tls_config": "TypeError",
        "tls_config without a certificate": "ValueError",
        "tls_config with a key alone": "ValueError",
        "tls_config with another key": "ValueError",
        "tls_config with a number": "TypeError",
        "tls_config with no file": "ValueError",
    }


def test_where_nobody_answers_there_is_no_connection(calls: Told) -> None:
    assert calls["nobody_there"]["kinds"][0] == "ConnectionError"


def test_namespaces_have_the_functions_by_shorter_names(calls: Told) -> None:
    assert calls["clients_of_namespaces"] == {"1": AVAILABLE}


def test_tensors_made_beforehand_are_taken_over_grpc(calls: Told, transport: str) -> None:
    if transport == "http":
        with pytest.raises(AssertionError, match="TypeError"):
            calls["predict_tensor_protos"]
        return
    assert values(calls["predict_tensor_protos"]) == {
        "of a type": [3.5, 4.0],
        "of a list": [3.5, 4.0],
        "of a shape": [[1.0, 2.0], [3.0, 4.0]],
        "of bytes": ["file"],
        "of bytes that are elements": [1, 2],
        "of texts": ["one", "two"],
        "from its namespace": [3.5],
    }


def test_of_nonsense_no_tensor_is_made(calls: Told) -> None:
    assert kinds(calls["wrong_tensor_protos"]) == {
        "a tuple": "TypeError",
        "no such type": "TypeError",
        "a shape that is none": "TypeError",
        "a size below 0": "TypeError",
        "a shape of another size": "ValueError",
        "a text as a number": "ValueError",
    }


def array(dtype: str, *elements: Any) -> Any:
    return {"dtype": dtype, "values": list(elements)}


def octets(text: str) -> Any:
    return {"bytes": text}


# What goes wrong in ovmsclient itself, with any server: what its call gives, and what ours gives.
WHOLE = array("object", octets("ab\0\0"))
UINT64 = array("uint64", 0, 2**64 - 1)
DEFECTS = {
    "half_scalar": {
        "grpc": ("TypeError", array("float16", 1.5)),
        "http": (array("float64", 1.5), array("float64", 1.5)),
    },
    "integers_of_64_bits": {
        "grpc": (UINT64, UINT64),
        "http": (array("float64", 0.0, 2.0**64), UINT64),
    },
    "trailing_zero_bytes": {
        "grpc": (array("bytes16", octets("ab")), WHOLE),
        "http": (array("object", {"b64": "YWI="}), WHOLE),
    },
    "trailing_zeros_of_texts": {
        "grpc": (array("bytes16", octets("ab")), array("object", octets("ab\0"))),
        "http": (array("str64", "ab"), array("object", "ab\0")),
    },
    "nested_bytes_that_are_no_text": {
        "grpc": (array("bytes16", [octets("\xff\xd8")]), array("bytes16", [octets("\xff\xd8")])),
        "http": ("UnicodeDecodeError", array("bytes16", [octets("\xff\xd8")])),
    },
    "empty_output": {
        "grpc": (array("float32"), array("float32")),
        "http": ("ModelServerError", array("float64")),
    },
    "objects": {
        "grpc": ("TypeError", array("bytes24", octets("one"), octets("two"))),
        "http": ("TypeError", array("str96", "one", "two")),
    },
}


@pytest.mark.parametrize("call", DEFECTS)
def test_what_ovmsclient_gets_wrong_is_right_in_ours(
    call: str, calls: Told, package: Package, transport: str
) -> None:
    assert calls[call] == DEFECTS[call][transport][package.is_ours]


def test_bytes_that_are_no_text_come_back(calls: Told, package: Package, transport: str) -> None:
    if transport == "http" and not package.is_ours:
        assert calls["predict_bytes"]["values"] == [{"b64": "/9ggbm8gdGV4dA=="}]  # it leaves them so
    else:
        assert calls["predict_bytes"]["values"] == [{"bytes": "\xff\xd8 no text"}]


def test_a_complex_scalar_keeps_its_imaginary_part_in_ours(calls: Told, package: Package) -> None:
    both = "000000000000f03f0000000000000040"
    assert calls["complex_scalar"] == (both if package.is_ours else "")


def test_ours_leaves_out_the_version_that_there_is_not(
    strict: Addresses, package: Package, transport: str
) -> None:
    told = run(
        package, "ovmsclient_failures.py", package.name, transport, at(strict, transport), "half_plus_two"
    )
    if package.is_ours:
        assert values(told["predict"]["half_plus_two"]) == {"gave": [3.5]}
    else:
        assert told["predict"]["half_plus_two"]["raised"] == "ModelNotFoundError"

"""MLServer's released stubs, converters and codecs over gRPC, on the default listener and in its dialect."""

from collections.abc import Iterator

import pytest

from tests.clients import inference_models
from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses, serving

pytestmark = pytest.mark.clients

DIALECT = """
version: 1
listeners:
  - {port: 0}
  - {transport: grpc, port: 0, stream_dialect: mlserver, grpc_explicit_reply: contents}
"""


@pytest.fixture(scope="module")
def dialect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A server that streams and answers as MLServer does."""
    folder = tmp_path_factory.mktemp("mlserver")
    inference_models.write(folder / "models")
    (folder / "dragoman.yaml").write_text(DIALECT, encoding="utf-8")
    arguments = [str(folder / "models"), "--trust-code", "--config", str(folder / "dragoman.yaml")]
    with serving(arguments, folder / "log") as addresses:
        yield addresses


@pytest.fixture(scope="module")
def calls(mlserver: Environment, inference: Addresses, dialect: Addresses) -> Told:
    addresses = [f"localhost:{each.grpc.port}" for each in (inference, dialect)]
    return run(mlserver, "mlserver_grpc_calls.py", *addresses)


def test_server_and_models_are_ready_or_not(calls: Told) -> None:
    assert calls["health"] == {
        "live": True,
        "ready": True,
        "models": {"half_plus_two": True, "broken": False, "nope": False},
    }


def test_metadata_converts_into_its_types(calls: Told) -> None:
    assert calls["metadata"] == {
        "server": "dragoman",
        "model": {
            "name": "two_out",
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
            "outputs": [{"name": name, "datatype": "FP32", "shape": [-1]} for name in ("sum", "diff")],
        },
    }


@pytest.mark.parametrize("form", ["numbers", "raw"])
def test_numbers_and_raw_bytes_are_answered(calls: Told, form: str) -> None:
    assert calls["infer_both_ways"][form] == {
        "model": ["half_plus_two", "1", "7"],
        "y": [[2.5, 3.0, 4.5], [3], "FP32"],
    }


def test_every_type_comes_back_bit_for_bit_in_both_forms(calls: Told) -> None:
    assert calls["every_type"] == {}


def test_every_shape_comes_back_also_none_and_empty_ones(calls: Told) -> None:
    assert calls["every_shape"] == {}


def test_outputs_are_told_apart_also_where_one_is_empty_or_large_or_has_no_field(calls: Told) -> None:
    assert calls["several_outputs"] == {}


def test_its_codecs_write_and_read(calls: Told) -> None:
    assert calls["codecs"] == {
        "array": {"dtype": "float32", "values": [[1.5, 2.5], [3.5, 4.5]]},
        "texts": ["plain", "\N{SNOWMAN}"],
        "bytes": [{"bytes": "\0\xff"}, {"bytes": "more"}],
    }


def test_parameters_of_request_input_and_output_are_taken(calls: Told) -> None:
    assert calls["parameters"] == [3.5]


ERRORS = {
    "unknown model": ("NOT_FOUND", "Request for unknown model: 'nope' is not found"),
    "unknown version": ("NOT_FOUND", "Request for unknown model: 'half_plus_two' version 99 is not found"),
    "wrong datatype": (
        "INVALID_ARGUMENT",
        "inference input 'x' data-type is 'INT32', but model 'half_plus_two' expects 'FP32'",
    ),
    "unknown input": ("INVALID_ARGUMENT", "unexpected inference input 'z' for model 'half_plus_two'"),
}


@pytest.mark.parametrize("mistake", ERRORS)
def test_a_mistake_is_told_by_code_and_words(calls: Told, mistake: str) -> None:
    code, words = ERRORS[mistake]
    assert calls["errors"][mistake] == {"status": code, "message": words}


def test_a_stream_in_its_dialect_is_of_bare_answers(calls: Told) -> None:
    assert calls["stream"] == {
        "1": [{"y": [3.5]}],
        "2": [{"sum": [4.0], "diff": [2.0]}],
        "3": [{"left": [2]}, {"left": [1]}, {"left": [0]}],
    }


def test_a_stream_in_its_dialect_ends_with_the_first_failure(calls: Told) -> None:
    failure = "NOT_FOUND: Request for unknown model: 'nope' is not found"
    assert calls["stream_that_fails"] == ["half_plus_two", failure]


def test_its_dialect_answers_numbers_with_numbers_alone(calls: Told) -> None:
    assert calls["numbers_alone"] == [[3.5], 0]

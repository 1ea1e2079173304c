"""Clients as they are made, and what they raise."""

import math
from pathlib import Path
from typing import Any

import pytest

from dragoman.client.errors import BadAnswer, ClientError, Code, ConnectionFailed, InvalidInput, ServerError
from dragoman.client.errors import TimedOut as TooLate
from dragoman.client.ovms import (
    BadResponseError,
    InvalidInputError,
    ModelNotFoundError,
    ModelServerError,
    make_grpc_client,
    make_http_client,
)
from dragoman.client.ovms.errors import GRPC, HTTP, raised
from dragoman.client.ovms.serving_client import check_inputs, check_model, checked_timeout
from dragoman.client.ovms.tls_config import read_tls_config
from dragoman.client.tls import Tls

MAKERS = [make_grpc_client, make_http_client]


@pytest.mark.parametrize("make", MAKERS)
def test_a_client_closes_with_its_block(make: Any) -> None:
    with make("localhost:9000") as client:
        assert client is not None


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "url", ["", "local host:1", "localhost:port", "http://localhost:8000", "localhost:1?x=1"]
)
def test_an_address_is_a_host_and_a_port(make: Any, url: str) -> None:
    with pytest.raises(ValueError, match=r"address|prefix"):
        make(url)


def test_a_prefix_is_for_http_alone() -> None:
    make_http_client("localhost:8000/prefix").close()
    with pytest.raises(ValueError, match="prefix"):
        make_grpc_client("localhost:9000/prefix")


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_that_is_no_certificate_is_told(make: Any, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    config = {"server_cert_path": str(file)}
    if make is make_http_client:
        with pytest.raises(ValueError, match=r"ca\.pem"):
            make("localhost:8000", config)
    else:
        make("localhost:9000", config).close()  # gRPC itself finds it out when it connects


def test_tls_config_names_files(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("ca", "cert", "key")]
    for file in files:
        Path(file).touch()
    ca, cert, key = files
    assert read_tls_config(None) is None
    assert read_tls_config({"server_cert_path": ca}) == Tls(ca_file=ca)
    whole = {"server_cert_path": ca, "client_cert_path": cert, "client_key_path": key}
    assert read_tls_config(whole) == Tls(ca_file=ca, cert_file=cert, key_file=key)


@pytest.mark.parametrize(("given", "seconds"), [(10, 10.0), ("2.5", 2.5), (math.inf, None), (0.001, 0.001)])
def test_a_time_is_a_number_of_seconds(given: Any, seconds: float | None) -> None:
    assert checked_timeout(given) == seconds


@pytest.mark.parametrize("given", [0, -1, math.nan, None, "soon", [1]])
def test_what_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="timeout"):
        checked_timeout(given)


def test_a_model_is_named_by_text_and_number() -> None:
    check_model("m", 2**63 - 1)
    for name, version, kind in [(1, 0, TypeError), ("m", "1", TypeError), ("m", -1, ValueError)]:
        with pytest.raises(kind):
            check_model(name, version)


def test_inputs_go_by_names() -> None:
    check_inputs({"x": 1})
    for inputs in ([1], None, {1: 1}):
        with pytest.raises(TypeError, match="inputs"):
            check_inputs(inputs)


def server(status: int) -> ServerError:
    return ServerError("why", code=Code.INTERNAL, status=status)


OCCURRED = "Error occurred during handling the request: "
RAISED = [
    (server(404), ModelNotFoundError, f"{OCCURRED}why"),
    (server(400), InvalidInputError, f"{OCCURRED}why"),
    (server(413), ConnectionError, f"{OCCURRED}why"),
    (server(503), ConnectionError, f"{OCCURRED}why"),
    (server(500), ModelServerError, f"{OCCURRED}why"),
    (ConnectionFailed("why", sent=False), ConnectionError, f"{OCCURRED}why"),
    (TooLate("late"), TimeoutError, f"{OCCURRED}Request handling exceeded timeout"),
    (
        BadAnswer("why"),
        BadResponseError,
        "Received response is malformed and could not be parsed. Details: why",
    ),
    (InvalidInput("why"), ValueError, "why"),
]


@pytest.mark.parametrize(("error", "kind", "says"), RAISED)
def test_an_error_over_http_is_raised_so(error: ClientError, kind: type[Exception], says: str) -> None:
    made = raised(error, HTTP, ModelServerError)
    assert (type(made), str(made)) == (kind, says)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(3, InvalidInputError), (4, TimeoutError), (5, ModelNotFoundError), (13, ConnectionError)],
)
def test_a_status_of_grpc_is_raised_so(status: int, kind: type[Exception]) -> None:
    assert type(raised(server(status), GRPC, ConnectionError)) is kind

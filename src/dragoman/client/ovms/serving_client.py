"""The client: its three calls, and the two functions that make one."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from dragoman.client.address import parse_address
from dragoman.client.blocking import transport
from dragoman.client.connected import MAX_ANSWER_BYTES
from dragoman.client.credentials import credential_headers
from dragoman.client.errors import ClientError
from dragoman.client.exchange import Exchange
from dragoman.client.ovms.answers import ModelMetadata, Predictions, VersionStatus
from dragoman.client.ovms.errors import Statuses, raised
from dragoman.client.ovms.rest import RestCodec
from dragoman.client.ovms.rpc import RpcCodec
from dragoman.client.ovms.tls_config import read_tls_config
from dragoman.client.setup import Setup

T = TypeVar("T")
TIMEOUT_S: Final = 10.0
VERSIONS: Final = range(2**63)


class Codec(Protocol):
    """Builds requests and reads answers; `statuses` tells what those mean that are no success.

    Errors: ClientError, and TypeError or ValueError for inputs that cannot be sent.
    """

    @property
    def statuses(self) -> Statuses:
        """What is raised for a status."""

    @property
    def other_status(self) -> type[Exception]:
        """What is raised for every other one."""

    def predict(self, inputs: Mapping[str, Any], model: str, version: int) -> Exchange[Predictions]:
        """A call of a model."""

    def metadata(self, model: str, version: int) -> Exchange[ModelMetadata]:
        """What a model takes and gives."""

    def status(self, model: str, version: int) -> Exchange[dict[int, VersionStatus]]:
        """The versions of a model."""


class ServingClient:
    """A client of one server, for any number of threads at once; `make_grpc_client` makes one.

    Nothing that fails is tried again. Connections are kept until the client is closed.
    """

    def __init__(self, codec: Codec, setup: Setup) -> None:
        self._codec = codec
        self._setup = setup
        self._transport = transport(setup)

    def predict(
        self,
        inputs: Mapping[str, Any],
        model_name: str,
        model_version: int = 0,
        timeout: float = TIMEOUT_S,
    ) -> Any:
        """The array of a model's only output, or a dictionary of arrays where it has several.

        `inputs` are scalars, lists or arrays by name; over gRPC also TensorProtos. A `bytes` is one element,
        such as an image's file. `model_version` 0 = the newest. `timeout` is in seconds.

        Errors: those of `dragoman.client.ovms.errors`.
        """
        limit_s = checked_timeout(timeout)
        check_model(model_name, model_version)
        check_inputs(inputs)
        with self._told():
            return self._answer(self._codec.predict(inputs, model_name, model_version), limit_s)

    def get_model_metadata(
        self, model_name: str, model_version: int = 0, timeout: float = TIMEOUT_S
    ) -> ModelMetadata:
        """What a model takes and gives, as `{"model_version": 1, "inputs": {...}, "outputs": {...}}`.

        Each input and output is `{"shape": [-1, 3], "dtype": "DT_FLOAT"}`, by its name.

        Errors: those of `dragoman.client.ovms.errors`.
        """
        limit_s = checked_timeout(timeout)
        check_model(model_name, model_version)
        with self._told():
            return self._answer(self._codec.metadata(model_name, model_version), limit_s)

    def get_model_status(
        self, model_name: str, model_version: int = 0, timeout: float = TIMEOUT_S
    ) -> dict[int, VersionStatus]:
        """A model's versions by number, or the one that is asked for alone.

        Each is `{"state": "AVAILABLE", "error_code": 0, "error_message": ""}`.

        Errors: those of `dragoman.client.ovms.errors`.
        """
        limit_s = checked_timeout(timeout)
        check_model(model_name, model_version)
        with self._told():
            return self._answer(self._codec.status(model_name, model_version), limit_s)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, exchange: Exchange[T], limit_s: float | None) -> T:
        return exchange.read(self._transport.send(exchange.request, self._setup.deadline(limit_s)))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise raised(error, self._codec.statuses, self._codec.other_status) from error


def make_grpc_client(url: str, tls_config: dict[str, str] | None = None) -> ServingClient:
    """A client that speaks gRPC; nothing is sent yet.

    `url` is `host:port`. `tls_config` names files in PEM form, and None = no encryption: `server_cert_path`
    is what the server's certificate is checked with; `client_cert_path` and `client_key_path` are the
    client's own, where the server asks for one.

    Errors: TypeError and ValueError.
    """
    return made(RpcCodec(), "grpc", url, tls_config)


def make_http_client(url: str, tls_config: dict[str, str] | None = None) -> ServingClient:
    """A client that speaks HTTP, or HTTPS where there is a `tls_config`; nothing is sent yet.

    `url` is `host:port`; a prefix may follow. `tls_config` is that of `make_grpc_client`.

    Errors: TypeError and ValueError.
    """
    return made(RestCodec(), "http", url, tls_config)


def made(codec: Codec, scheme: str, url: str, tls_config: dict[str, str] | None) -> ServingClient:
    """The client of a server.

    Errors: TypeError and ValueError.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be a string, but is {type(url).__name__}")
    if "://" in url:
        raise ValueError(f"url is the address host:port alone, without {url.partition('://')[0]}://")
    tls = read_tls_config(tls_config)
    try:
        address = parse_address(f"{scheme if tls is None else scheme + 's'}://{url}")
        who = credential_headers(address, token=None, username=None, password=None, api_key=None)
        return ServingClient(codec, Setup(address, who, tls, MAX_ANSWER_BYTES))
    except ClientError as error:
        raise ValueError(error.message) from None


def checked_timeout(timeout: Any) -> float | None:
    """The time limit in seconds; infinity is none.

    Errors: TypeError for what is no time.
    """
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:  # which is so for NaN, too
        raise TypeError(f"timeout value must be positive float, not {timeout!r}")
    return None if seconds == math.inf else seconds


def check_model(name: object, version: object) -> None:
    """Whether these can be a model's name and version.

    Errors: TypeError and ValueError.
    """
    if not isinstance(name, str):
        raise TypeError(f"model_name type should be string, but is {type(name).__name__}")
    if not isinstance(version, int):
        raise TypeError(f"model_version type should be int, but is {type(version).__name__}")
    if version not in VERSIONS:
        raise ValueError(f"model_version should be in range <0, {2**63 - 1}>, but is {version}")


def check_inputs(inputs: object) -> None:
    """Whether these are inputs by name.

    Errors: TypeError.
    """
    if not isinstance(inputs, Mapping):
        raise TypeError(f"inputs type should be dict, but is {type(inputs).__name__}")
    for name in inputs:
        if not isinstance(name, str):
            raise TypeError(f"inputs keys type should be str, but found {type(name).__name__}")

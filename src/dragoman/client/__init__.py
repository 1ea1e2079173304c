"""A client for model servers that speak the Open Inference Protocol (KServe V2), over HTTP and gRPC.

    from dragoman.client import Client

    with Client("http://127.0.0.1:8000") as client:
        result = client.infer("half_plus_two", {"x": [1, 2, 5]})
        print(result["y"])  # [2.5 3.  4.5]

`AsyncClient` has the same methods, to be awaited. Whatever goes wrong is a `ClientError`; the tree of them
stands in `dragoman.client.errors`.
"""

from dragoman.client.asynchronous import AsyncClient
from dragoman.client.blocking import Client
from dragoman.client.errors import (
    BadAnswer,
    ClientError,
    Code,
    ConnectionFailed,
    InvalidInput,
    ServerError,
    TimedOut,
)
from dragoman.client.results import ModelMetadata, ModelState, Result, TensorMetadata
from dragoman.client.retries import Retries
from dragoman.client.tls import Tls

__all__ = [
    "AsyncClient",
    "BadAnswer",
    "Client",
    "ClientError",
    "Code",
    "ConnectionFailed",
    "InvalidInput",
    "ModelMetadata",
    "ModelState",
    "Result",
    "Retries",
    "ServerError",
    "TensorMetadata",
    "TimedOut",
    "Tls",
]

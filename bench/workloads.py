"""What is asked of the server: one request, over and over."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from msgspec import Struct

from bench.models import IMAGE_SHAPE, MLP_WIDTHS, SEED
from dragoman.wire.protobuf import message_class

Transport = Literal["http", "grpc"]
API: Final[Mapping[Transport, str]] = {"http": "REST", "grpc": "gRPC"}
PREDICT: Final = "/tensorflow.serving.PredictionService/Predict"
FLOAT: Final = 1  # DT_FLOAT of tensorflow.DataType


class Workload(Struct, frozen=True):
    """A request to one model. `shape` is that of the input, rows first; `connections` ask at once."""

    transport: Transport
    title: str
    model: str
    shape: tuple[int, ...]
    connections: int

    @property
    def name(self) -> str:
        """What the reports call it."""
        return f"{API[self.transport]}: {self.title}"

    @property
    def path(self) -> str:
        """The path of TensorFlow Serving's predict."""
        return PREDICT if self.transport == "grpc" else f"/v1/models/{self.model}:predict"

    def array(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The input's values: seeded, with five decimals as measured data would have."""
        values = np.random.default_rng(SEED).random(self.shape)
        return np.round(values, 5).astype(np.float32)

    def body(self) -> bytes:
        """The request's body: JSON in row form, or a message whose tensor is raw bytes."""
        if self.transport == "grpc":
            return self._message()
        instances = np.round(self.array().astype(np.float64), 5).tolist()
        return json.dumps({"instances": instances}).encode()

    def _message(self) -> bytes:
        request = message_class("tensorflow.serving.PredictRequest")()
        request.model_spec.name = self.model
        tensor = request.inputs["x"]
        tensor.dtype = FLOAT
        for size in self.shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = self.array().tobytes()
        return bytes(request.SerializeToString())


class Pair(NamedTuple):
    """The same request to a model without batching and to one with it."""

    plain: Workload
    batched: Workload


MLP_ROW: Final = ("MLP 32-64-64-3, 1 row", (1, MLP_WIDTHS[0]))
REQUESTS: Final[Sequence[tuple[str, str, tuple[int, ...], int]]] = (
    ("half_plus_two, one value", "half_plus_two", (1,), 64),
    (MLP_ROW[0], "mlp", MLP_ROW[1], 64),
    ("MLP 32-64-64-3, 64 rows", "mlp", (64, MLP_WIDTHS[0]), 64),
    ("float32 [1,224,224,3]", "image", (1, *IMAGE_SHAPE), 4),
)
WORKLOADS: Final = tuple(Workload(transport, *request) for transport, request in product(API, REQUESTS))
BATCHING: Final = tuple(
    Pair(*(Workload("http", MLP_ROW[0], model, MLP_ROW[1], connections) for model in ("mlp", "mlp_batched")))
    for connections in (64, 1)
)

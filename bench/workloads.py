"""What is asked of the server: one request, over and over."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from bench.models import IMAGE_SHAPE, MLP_WIDTHS, SEED


class Workload(Struct, frozen=True):
    """A request to one model. `shape` is that of the input, rows first; `connections` ask at once."""

    name: str
    model: str
    shape: tuple[int, ...]
    connections: int

    @property
    def path(self) -> str:
        """The path of TensorFlow Serving's REST predict."""
        return f"/v1/models/{self.model}:predict"

    def array(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The input's values: seeded, with five decimals as measured data would have."""
        values = np.random.default_rng(SEED).random(self.shape)
        return np.round(values, 5).astype(np.float32)

    def body(self) -> bytes:
        """The request's body, in row form."""
        instances = np.round(self.array().astype(np.float64), 5).tolist()
        return json.dumps({"instances": instances}).encode()


WORKLOADS: Final[Sequence[Workload]] = (
    Workload("half_plus_two, one value", "half_plus_two", (1,), 64),
    Workload("MLP 32-64-64-3, 1 row", "mlp", (1, MLP_WIDTHS[0]), 64),
    Workload("MLP 32-64-64-3, 64 rows", "mlp", (64, MLP_WIDTHS[0]), 64),
    Workload("float32 [1,224,224,3] as JSON", "image", (1, *IMAGE_SHAPE), 4),
)

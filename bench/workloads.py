"""What is asked of the server: one request, over and over, in each form that protocols have for it."""

from collections.abc import Sequence
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import Struct

from bench.forms import FORMS, TENSORFLOW_SERVING_REST, V2_GRPC, V2_JSON, Form, Transport, Values
from bench.models import IMAGE_SHAPE, MLP_WIDTHS, SEED


class Workload(Struct, frozen=True):
    """A request to one model. `shape` is that of the input, rows first; `connections` ask at once."""

    form: Form
    title: str
    model: str
    shape: tuple[int, ...]
    connections: int

    @property
    def name(self) -> str:
        """What the reports call it."""
        return f"{self.form.name}: {self.title}"

    @property
    def transport(self) -> Transport:
        """What carries it."""
        return self.form.transport

    @property
    def path(self) -> str:
        """The path that calls the model, or the gRPC method."""
        return self.form.path.format(model=self.model)

    def array(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The input's values: seeded, with five decimals as measured data would have."""
        values = np.random.default_rng(SEED).random(self.shape)
        return np.round(values, 5).astype(np.float32)

    def body(self) -> bytes:
        """The request's body."""
        return self.form.body(Values(self.model, self.array()))

    def headers(self) -> dict[str, str]:
        """The headers that go with it, over HTTP."""
        return self.form.headers(Values(self.model, self.array()))


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
WORKLOADS: Final = tuple(Workload(form, *request) for form, request in product(FORMS, REQUESTS))
BATCHING: Final = tuple(
    Pair(
        *(
            Workload(TENSORFLOW_SERVING_REST, MLP_ROW[0], model, MLP_ROW[1], connections)
            for model in ("mlp", "mlp_batched")
        )
    )
    for connections in (64, 1)
)
# What is also asked of MLServer, which has no other protocol.
BESIDE: Final = tuple(Workload(form, *REQUESTS[0]) for form in (V2_JSON, V2_GRPC))

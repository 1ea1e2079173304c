"""What is asked of the server: one request, over and over, in each form that protocols have for it."""

import io
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import Struct
from PIL import Image

from bench.forms import (
    FILE_FORMS,
    FORMS,
    TENSORFLOW_SERVING_GRPC,
    TENSORFLOW_SERVING_REST,
    V2_BINARY,
    V2_GRPC,
    V2_JSON,
    Form,
    Transport,
    Values,
)
from bench.models import IMAGE_SHAPE, MLP_WIDTHS, SEED

Array = np.ndarray[Any, Any]
JPEG_SIZE: Final = (640, 480)  # width, height
JPEG_QUALITY: Final = 90
COARSEST: Final = 5  # pixels along an edge


def numbers(shape: tuple[int, ...]) -> Array:
    """Seeded values with five decimals, as measured data would have."""
    return np.round(np.random.default_rng(SEED).random(shape), 5).astype(np.float32)


def jpegs(shape: tuple[int, ...]) -> Array:
    """One JPEG for every element: noise of every fineness, so that it is as large as a photograph's."""
    random = np.random.default_rng(SEED)
    pixels = np.zeros((JPEG_SIZE[1], JPEG_SIZE[0], 3), np.float32)
    edge = COARSEST
    while edge <= max(JPEG_SIZE):
        noise = Image.fromarray(random.integers(0, 256, (edge, edge, 3), np.uint8))
        pixels += np.asarray(noise.resize(JPEG_SIZE, Image.Resampling.BICUBIC), np.float32) / edge**0.5
        edge *= 2
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=JPEG_QUALITY)
    made = np.empty(shape, np.object_)
    made[...] = file.getvalue()
    return made


class Workload(Struct, frozen=True):
    """A request to one model. `shape` is that of the input, rows first; `connections` ask at once."""

    form: Form
    title: str
    model: str
    shape: tuple[int, ...]
    connections: int
    content: Callable[[tuple[int, ...]], Array] = numbers

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

    def array(self) -> Array:
        """The input's values, always the same."""
        return self.content(self.shape)

    def body(self) -> bytes:
        """The request's body."""
        return self.form.body(Values(self.model, self.array()))

    def headers(self) -> dict[str, str]:
        """The headers that go with it, over HTTP."""
        return self.form.headers(Values(self.model, self.array()))


class Pair(NamedTuple):
    """The same request to two models of one server."""

    plain: Workload
    other: Workload


MLP_ROW: Final = ("MLP 32-64-64-3, 1 row", (1, MLP_WIDTHS[0]))
MLP_ROWS: Final = ("MLP 32-64-64-3, 64 rows", (64, MLP_WIDTHS[0]))
REQUESTS: Final[Sequence[tuple[str, str, tuple[int, ...], int]]] = (
    ("half_plus_two, one value", "half_plus_two", (1,), 64),
    (MLP_ROW[0], "mlp", MLP_ROW[1], 64),
    (MLP_ROWS[0], "mlp", MLP_ROWS[1], 64),
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
# ONNX Runtime, then OpenVINO.
ENGINES: Final = tuple(
    Pair(*(Workload(form, title, model, shape, 64) for model in ("mlp", "mlp_openvino")))
    for form, (title, shape) in (
        (TENSORFLOW_SERVING_REST, MLP_ROW),
        (TENSORFLOW_SERVING_REST, MLP_ROWS),
        (TENSORFLOW_SERVING_GRPC, MLP_ROW),
        (V2_BINARY, MLP_ROW),
    )
)
IMAGES: Final = tuple(
    Workload(form, "JPEG 640 x 480", "picture", (1,), connections, jpegs)
    for form, connections in product(FILE_FORMS, (4, 16))
)
# What is also asked of MLServer, which has no other protocol.
BESIDE: Final = tuple(Workload(form, *REQUESTS[0]) for form in (V2_JSON, V2_GRPC))

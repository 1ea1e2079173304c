"""The same tensor, sent in any two of the ways that there are, comes back the same, bit for bit."""

import http.client
from collections.abc import Iterator
from typing import Any, Final

import grpc
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto

from tests.conformance import reference_models
from tests.conformance.v2_messages import DATATYPES
from tests.e2e.ways import WAYS, Array, Connections
from tests.server_process import serving_listeners

SETTINGS: Final = """
version: 1
listeners:
  - {port: 0}
  - {port: 0, dialect: kserve}
  - {port: 0, dialect: ovms}
  - {port: 0, transport: grpc}
"""
SHAPES: Final = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
EDGES: Final = [b"", b"\0", b"\xff\xfe", b"text", "\N{SNOWMAN}".encode(), b'{"b64": "AA=="}', b"\0\0\0\4"]


@pytest.fixture(scope="module")
def connections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connections]:
    folder = tmp_path_factory.mktemp("agreement")
    reference_models.write(folder / "models")
    bfloat16 = folder / "models" / "echo_bfloat16" / "1"
    bfloat16.mkdir(parents=True)
    onnx.save(reference_models.echo(TensorProto.BFLOAT16), bfloat16 / "model.onnx")
    (folder / "dragoman.yaml").write_text(SETTINGS, encoding="utf-8")
    arguments = [str(folder / "models"), "--config", str(folder / "dragoman.yaml")]
    transports = ("http", "http", "http", "grpc")
    with serving_listeners(arguments, folder / "log", transports) as (*rest, rpc):
        plain = [http.client.HTTPConnection(*address, timeout=30) for address in rest]
        with grpc.insecure_channel(f"{rpc.host}:{rpc.port}") as channel:
            yield Connections(*plain, channel)
        for connection in plain:
            connection.close()


def arrays(datatype: str) -> st.SearchStrategy[Array]:
    """Arrays of any shape, of the elements that are lost first and of any others."""
    kind = DATATYPES[datatype][0]
    if datatype == "BYTES":
        elements = st.sampled_from(EDGES) | st.binary(max_size=6)
        return hnp.arrays(np.object_, SHAPES, elements=elements, fill=st.nothing())
    if datatype == "BOOL":
        return hnp.arrays(kind, SHAPES)
    bits = f"u{np.dtype(kind).itemsize}"
    found = st.sampled_from(edges(kind)) | hnp.from_dtype(np.dtype(bits))
    return hnp.arrays(bits, SHAPES, elements=found).map(lambda array: array.view(kind))


def edges(kind: Any) -> list[int]:
    """The bits of the ends of a type's range; of floats also zeros, subnormals, infinities, NaNs."""
    size = np.dtype(kind).itemsize
    if np.dtype(kind).kind in "iu":
        ends = np.iinfo(kind)
        values = np.array([ends.min, ends.max, 0, 1, ends.max - 1, ends.min + 1], kind)
        return [int(bits) for bits in values.view(f"u{size}")]
    values = np.array([np.inf, 1 / 3, 65504, 1], kind)
    infinity, *others = (int(bits) for bits in values.view(f"u{size}"))
    sign = 1 << (8 * size - 1)
    own = [0, 1, infinity - 1, infinity, infinity + 1, sign - 1, *others]
    return own + [bits | sign for bits in own]


def bits(array: Array) -> tuple[tuple[int, ...], Any]:
    """Shape and bits."""
    return array.shape, list(array.flat) if array.dtype == np.object_ else array.tobytes()


def with_one_nan(array: Array) -> Array:
    """Every NaN counts as the same one, for texts and Python's floats know only one."""
    if array.dtype == np.object_:
        return array
    with np.errstate(invalid="ignore"):  # a NaN that signals is one as well
        nans = array != array  # noqa: PLR0124 (isnan does not know every type here)
    return np.where(nans, np.array(np.nan, array.dtype), array) if nans.any() else array


@pytest.mark.parametrize("datatype", DATATYPES)
@settings(max_examples=min(100, settings().max_examples // 2))  # each is seventeen calls of a live server
@given(data=st.data())
def test_every_way_gives_the_same(connections: Connections, datatype: str, data: st.DataObject) -> None:
    sent = data.draw(arrays(datatype))
    for name, way in WAYS.items():
        if way.carries(sent):
            back = way.send(connections, sent)
            assert back.dtype == sent.dtype, name
            assert bits(with_one_nan(back)) == bits(with_one_nan(sent)), name
            if way.exact:
                assert bits(back) == bits(sent), name


def test_every_way_carries_something_of_every_kind_that_it_should() -> None:
    plain = [np.ones(2, DATATYPES[datatype][0]) for datatype in DATATYPES if datatype != "BYTES"]
    for name, way in WAYS.items():
        left_out = [array.dtype.name for array in plain if not way.carries(array)]
        assert left_out == (["float16", "bfloat16"] if "numbers" in name else []), name

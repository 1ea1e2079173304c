"""Tensors of every type come back from models of PyTorch as they went, in every way that they can be sent."""

import http.client
from collections.abc import Iterator, Sequence
from typing import Any, Final

import grpc
import numpy as np
import pytest

from dragoman.core.tensors import DType
from tests.contract.engines import bits, values
from tests.e2e.ways import WAYS, Connections
from tests.engines.torch_programs import write_echoes
from tests.server_process import serving_listeners
from tests.unit.engines.torch.programs import TORCH

SETTINGS: Final = """
version: 1
listeners:
  - {port: 0}
  - {port: 0, dialect: kserve}
  - {port: 0, dialect: ovms}
  - {port: 0, transport: grpc}
"""
# Each model has a process that imports torch, so few are served at once.
TYPES: Final = list(TORCH)
GROUPS: Final = [TYPES[start : start + 5] for start in range(0, len(TYPES), 5)]


@pytest.fixture(scope="module", params=GROUPS, ids=lambda group: "-".join(dtype.value for dtype in group))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Connections, Sequence[DType]]]:
    """Connections to a server of models of these types."""
    folder = tmp_path_factory.mktemp("torch_agreement")
    write_echoes(folder / "models", request.param)
    (folder / "dragoman.yaml").write_text(SETTINGS, encoding="utf-8")
    arguments = [str(folder / "models"), "--config", str(folder / "dragoman.yaml")]
    transports = ("http", "http", "http", "grpc")
    with serving_listeners(arguments, folder / "log", transports) as (*rest, rpc):
        plain = [http.client.HTTPConnection(*address, timeout=30) for address in rest]
        with grpc.insecure_channel(f"{rpc.host}:{rpc.port}") as channel:
            yield Connections(*plain, channel), request.param
        for connection in plain:
            connection.close()


def arrays(dtype: DType) -> list[Any]:
    """A table with the extremes of the type, but for NaN, which few ways keep; and arrays of other shapes."""
    table = values(dtype)
    if dtype.is_float:
        table = np.where(np.isnan(table), np.array(1, table.dtype), table)
    return [table, table[0, 0], table[:0], table.reshape(3, 1, 4, 1), np.repeat(table, 2000, axis=0)]


def test_every_way_gives_the_same(served: tuple[Connections, Sequence[DType]]) -> None:
    connections, dtypes = served
    for dtype in dtypes:
        for sent in arrays(dtype):
            for name, way in WAYS.items():
                if way.carries(sent):
                    back = way.send(connections, np.asarray(sent))
                    assert (back.dtype, back.shape) == (sent.dtype, sent.shape), (name, dtype)
                    assert bits(back) == bits(np.asarray(sent)), (name, dtype)


def test_every_bit_of_a_nan_is_kept_where_the_way_keeps_it(
    served: tuple[Connections, Sequence[DType]],
) -> None:
    connections, dtypes = served
    for dtype in dtypes:
        if dtype.is_float:
            for name, way in WAYS.items():
                if way.exact:
                    assert bits(way.send(connections, values(dtype))) == bits(values(dtype)), name

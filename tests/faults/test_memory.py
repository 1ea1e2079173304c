"""Memory comes back to the system when something big is unloaded."""

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dragoman.cli.port_owner import port_owner
from tests.faults.test_hot_swap import half_plus, resident_bytes
from tests.server_process import Address, serving

WEIGHTS = 75_000_000  # float32: 300 MB
MB = 10**6
MARGIN = 40 * MB  # for what threads and allocators keep

pytestmark = pytest.mark.faults


def control(address: Address, verb: str) -> None:
    connection = HTTPConnection(*address, timeout=60)
    connection.request("POST", f"/dragoman/models/half:{verb}")
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, document


def predict(address: Address) -> None:
    connection = HTTPConnection(*address, timeout=60)
    connection.request("POST", "/v1/models/half:predict", json.dumps({"instances": [1.0]}))
    answer = connection.getresponse()
    assert json.loads(answer.read()) == {"predictions": [3.5]}
    connection.close()


def test_a_server_weighs_without_its_model_what_it_weighed_before(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "half" / "3"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(half_plus(3, WEIGHTS))
    with serving([str(tmp_path / "models")], tmp_path / "log") as addresses:
        address = addresses.http
        owner = port_owner(address.port)
        assert owner is not None
        weights = []
        for _ in range(3):
            control(address, "load")
            predict(address)
            loaded = resident_bytes(owner.pid)
            control(address, "unload")
            weights.append((loaded, resident_bytes(owner.pid)))
    print(f"\nMB with and without: {[(loaded // MB, left // MB) for loaded, left in weights]}")
    for loaded, left in weights:
        assert loaded - left > WEIGHTS * 4 - MARGIN
    assert weights[-1][1] <= weights[0][1] + MARGIN

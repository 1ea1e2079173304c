"""Clients that openapi-python-client makes of what TorchServe's OPTIONS is answered with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import run
from tests.clients.environments import Environment
from tests.conformance import handler_archives, reference_models
from tests.server_process import serving

pytestmark = pytest.mark.clients

SETTINGS = """
listeners:
- {{dialect: {dialect}}}
- {{transport: grpc}}
"""


@pytest.fixture(params=["torchserve", "superset"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server of an echoing handler, and of the reference models."""
    (tmp_path / "settings.yaml").write_text(SETTINGS.format(dialect=request.param), encoding="utf-8")
    handler_archives.write(tmp_path / "models", ["echo_v1.mar"])
    reference_models.write(tmp_path / "models")
    arguments = [str(tmp_path / "models"), "--trust-code", "--config", str(tmp_path / "settings.yaml")]
    with serving(arguments, tmp_path / "log") as addresses:
        yield f"http://{addresses.http.host}:{addresses.http.port}"


def test_clients_that_are_generated_of_the_descriptions_work(
    address: str, openapi: Environment, tmp_path: Path
) -> None:
    told = run(openapi, "generated_calls.py", address, tmp_path)
    expected = {
        "complaints": ["", ""],
        "ping": {"status": "Healthy"},
        "described": "RESTful API for: echo",
        "raw": "raw",
        "versioned": "raw",
        "form": "form",
        "json": '{\n  "data": [\n    1\n  ]\n}',
        "missing": {"code": 404, "type": "ModelNotFoundException", "message": "Model not found: nope"},
        "tensors": {"sum": [3.0], "diff": [-1.0]},
    }
    assert {function: told[function] for function in expected} == expected

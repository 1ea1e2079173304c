"""Stubs that protoc makes of what `dragoman protos` writes, as TorchServe's users make theirs."""

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from grpc_tools import protoc

from dragoman.cli.main import run as dragoman
from tests.clients.conftest import Package, run
from tests.conformance import handler_archives
from tests.server_process import serving

pytestmark = pytest.mark.clients

SETTINGS = """
listeners:
- {{dialect: {dialect}}}
- {{transport: grpc, dialect: {dialect}}}
"""
WANTED = {
    "ping": '{\n  "status": "Healthy"\n}',
    "whole": "a",
    "parts": ["hello ", "hello ", "hello ", "hello world "],
    "duplex": [str(number) for number in range(40)],
    "missing": ["INTERNAL", "Model not found: nope\norg.pytorch.serve.archive.model.ModelNotFoundException"],
    "ready": True,
}
DEFINITIONS = ("torchserve/inference.proto", "torchserve/open_inference.proto", "google/rpc/status.proto")


@pytest.fixture(params=["torchserve", "superset"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server's address for gRPC."""
    (tmp_path / "settings.yaml").write_text(SETTINGS.format(dialect=request.param), encoding="utf-8")
    handler_archives.write(tmp_path / "models", ["echo_v1.mar", "stream.mar"])
    arguments = [str(tmp_path / "models"), "--trust-code", "--config", str(tmp_path / "settings.yaml")]
    with serving(arguments, tmp_path / "log") as addresses:
        yield f"{addresses.grpc.host}:{addresses.grpc.port}"


def test_stubs_of_our_own_definitions_call_handlers_in_every_way(address: str, tmp_path: Path) -> None:
    assert dragoman(["protos", str(tmp_path / "protos")]) == 0
    paths = [f"--proto_path={tmp_path / 'protos'}", f"--proto_path={files('grpc_tools') / '_proto'}"]
    made = tmp_path / "stubs"
    made.mkdir()
    assert (
        protoc.main(["protoc", *paths, f"--python_out={made}", f"--grpc_python_out={made}", *DEFINITIONS])
        == 0
    )
    told = run(Package("protoc", Path(sys.executable)), "torchserve_grpc_calls.py", made, address)
    assert {name: told[name] for name in WANTED} == WANTED

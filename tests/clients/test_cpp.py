"""A client in C++, built from the definitions that `dragoman protos` writes with what Debian ships."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import PROGRAMS
from tests.server_process import Addresses

pytestmark = pytest.mark.clients

TOOLS = ("g++", "protoc", "grpc_cpp_plugin", "pkg-config")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program. Every definition is compiled, also those that it does not need."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    assert not missing, f"there is no {', '.join(missing)}: run scripts/clients"
    folder = tmp_path_factory.mktemp("cpp")
    protos, made, program = folder / "protos", folder / "made", folder / "predict"
    made.mkdir()
    output(sys.executable, "-m", "dragoman", "protos", protos)
    names = [path.relative_to(protos) for path in protos.rglob("*.proto")]
    plugin = f"--plugin=protoc-gen-grpc={shutil.which('grpc_cpp_plugin')}"
    output("protoc", f"--proto_path={protos}", f"--cpp_out={made}", f"--grpc_out={made}", plugin, *names)
    sources = [path for path in made.rglob("*.pb.cc") if not path.name.endswith(".grpc.pb.cc")]
    sources.append(made / "tensorflow_serving/apis/prediction_service.grpc.pb.cc")
    libraries = output("pkg-config", "--cflags", "--libs", "grpc++", "protobuf").split()
    output("g++", "-std=c++17", f"-I{made}", PROGRAMS / "predict.cpp", *sources, "-o", program, *libraries)
    return program


def output(*command: object) -> str:
    """What the command prints; the test fails with its complaints where it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_client_in_cpp_gets_a_prediction(client: Path, reference: Addresses) -> None:
    assert output(client, f"localhost:{reference.grpc.port}") == "1 2.5 3 4.5\n"

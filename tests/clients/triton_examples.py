"""Triton's own Python examples, unmodified, on a live server; the command behind scripts/triton_examples.

They are in no package, so whoever runs this brings a checkout of triton-inference-server/client. Left out are
those that need what is not served: shared memory, sequences and decoupled models.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import onnx
from onnx import TensorProto, helper

from tests.clients.environments import TRITONCLIENT
from tests.clients.my_models import save
from tests.conformance.reference_models import build, tensor
from tests.server_process import Addresses, serving

FOLDER: Final = "src/python/examples"
NAMES: Final = ("simple_*.py", "grpc_explicit_*_content_client.py")  # the latter are of the same models
NOT_SERVED: Final = re.compile("shm|sequence|custom_repeat")
PATIENCE_S: Final = 120
SETTINGS: Final = """
version: 1
server_name: triton
listeners:
  - {name: http, port: 0}
  - {name: grpc, transport: grpc, port: 0}
"""
MODEL_SETTINGS: Final = "batching: {max_size: 8}\n"
WIDTH: Final = 16
# Two of the examples count the models of the repository, and not to the same number.
REPOSITORIES: Final = {"http": 7, "grpc": 8}


class Ran(NamedTuple):
    """What became of one example."""

    name: str
    status: int
    output: str


def sum_and_difference(element_type: int) -> onnx.ModelProto:
    """INPUT0 and INPUT1 of 16 numbers a row -> OUTPUT0, their sum, and OUTPUT1, their difference."""
    nodes = [
        helper.make_node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]),
        helper.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"]),
    ]
    return build(nodes, ends("INPUT", element_type), ends("OUTPUT", element_type))


def sum_and_difference_of_texts() -> onnx.ModelProto:
    """The same for numbers that are written as texts, in and out."""
    nodes = [
        helper.make_node("Cast", ["INPUT0"], ["number0"], to=TensorProto.INT32),
        helper.make_node("Cast", ["INPUT1"], ["number1"], to=TensorProto.INT32),
        helper.make_node("Add", ["number0", "number1"], ["sum"]),
        helper.make_node("Sub", ["number0", "number1"], ["difference"]),
        helper.make_node("Cast", ["sum"], ["OUTPUT0"], to=TensorProto.STRING),
        helper.make_node("Cast", ["difference"], ["OUTPUT1"], to=TensorProto.STRING),
    ]
    return build(nodes, ends("INPUT", TensorProto.STRING), ends("OUTPUT", TensorProto.STRING))


def identity_of_texts() -> onnx.ModelProto:
    """INPUT0 of 16 texts a row -> OUTPUT0, the same."""
    nodes = [helper.make_node("Identity", ["INPUT0"], ["OUTPUT0"])]
    return build(nodes, ends("INPUT", TensorProto.STRING)[:1], ends("OUTPUT", TensorProto.STRING)[:1])


def ends(role: str, element_type: int) -> list[onnx.ValueInfoProto]:
    return [tensor(f"{role}{number}", element_type, ["N", WIDTH]) for number in range(2)]


def write_repository(folder: Path, size: int) -> None:
    """The models that the examples ask for, filled up to `size` models."""
    models = {
        "simple": sum_and_difference(TensorProto.INT32),
        "simple_int8": sum_and_difference(TensorProto.INT8),
        "simple_string": sum_and_difference_of_texts(),
        "simple_identity": identity_of_texts(),
    }
    others = {f"other{number}": identity_of_texts() for number in range(size - len(models))}
    for name, model in (models | others).items():
        save(model, folder, name)
        (folder / name / "model.yaml").write_text(MODEL_SETTINGS, encoding="utf-8")


def examples(checkout: Path) -> list[Path]:
    """The examples that are run."""
    found = [path for pattern in NAMES for path in sorted((checkout / FOLDER).glob(pattern))]
    return [path for path in found if not NOT_SERVED.search(path.name)]


def run(example: Path, addresses: Addresses) -> Ran:
    """Run one example as its author wrote it."""
    address = addresses.http if "_http_" in example.name else addresses.grpc
    command = [TRITONCLIENT.python, example, "-u", f"{address.host}:{address.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return Ran(example.name, done.returncode, done.stdout + done.stderr)


def run_all(checkout: Path, folder: Path) -> Iterator[Ran]:
    """Run every example, each against the repository of the size that its kind expects."""
    settings = folder / "dragoman.yaml"
    settings.write_text(SETTINGS, encoding="utf-8")
    for kind, size in REPOSITORIES.items():
        repository = folder / kind
        write_repository(repository, size)
        chosen = [path for path in examples(checkout) if ("_http_" in path.name) == (kind == "http")]
        for example in chosen:  # a server each, as one of them unloads its model
            arguments = [str(repository), "--config", str(settings)]
            with serving(arguments, folder / f"{example.stem}.log") as addresses:
                yield run(example, addresses)


def main(arguments: Sequence[str]) -> int:
    """Run them and tell which passed; 1 where one did not."""
    if len(arguments) != 1 or not (Path(arguments[0]) / FOLDER).is_dir():
        print("usage: scripts/triton_examples CHECKOUT OF triton-inference-server/client", file=sys.stderr)
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for ran in run_all(Path(arguments[0]), Path(folder)):
            print(f"{'passed' if ran.status == 0 else 'FAILED'}  {ran.name}", flush=True)
            if ran.status:
                failed += 1
                print(ran.output)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

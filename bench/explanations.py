"""What a running explanation costs those who predict: latency without and with one, in turns.

    python -m bench.explanations [ROUNDS]

Two models: a linear one of 30 values, and one of 192 x 192 x 3 pixels whose call takes milliseconds. A client
predicts one row after the other over one connection; in every second turn another asks for explanations, one
at once, with a budget that outlasts the turn. What is compared is the middle of the times and their mean.
"""

import http.client
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from threading import Event, Thread
from time import perf_counter
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.server_process import Address, serving

TURN_S: Final = 2.0
SEED: Final = 0
SHAPES: Final = {"values": (30,), "pixels": (192, 192, 3)}


def write_models(folder: Path) -> None:
    """A matrix product; a convolution of an image before its mean."""
    random = np.random.default_rng(SEED)
    nodes = {
        "values": [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "pixels": [
            helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["t", "w"], ["c"], pads=[3, 3, 3, 3]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("ReduceMean", ["r"], ["y"], axes=[2, 3], keepdims=0),
        ],
    }
    weights = {"values": (30, 1), "pixels": (16, 3, 7, 7)}
    for name, shape in SHAPES.items():
        made = helper.make_graph(
            nodes[name],
            name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, *shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
            [numpy_helper.from_array(random.normal(size=weights[name]).astype(np.float32), "w")],
        )
        path = folder / name / "1"
        path.mkdir(parents=True)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, path / "model.onnx")


def call(connection: http.client.HTTPConnection, path: str, body: str) -> int:
    """The status of an answer that was read whole."""
    connection.request("POST", path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.status


@contextmanager
def explaining(address: Address, model: str) -> Iterator[None]:
    """Explain all the while, one request after the other."""
    ended = Event()
    row = np.random.default_rng(SEED).normal(size=(1, *SHAPES[model])).tolist()
    body = json.dumps({"instances": row, "parameters": {"budget": 65_536}})

    def ask() -> None:
        connection = http.client.HTTPConnection(*address)
        while not ended.is_set():
            call(connection, f"/v1/models/{model}:explain", body)
        connection.close()

    thread = Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def predicting(address: Address, model: str) -> list[float]:
    """The times of predictions for one turn, in milliseconds."""
    row = np.random.default_rng(SEED).normal(size=(1, *SHAPES[model])).tolist()
    flat = np.array(row).reshape(-1).tolist()
    body = json.dumps(
        {"inputs": [{"name": "x", "shape": [1, *SHAPES[model]], "datatype": "FP32", "data": flat}]}
    )
    connection = http.client.HTTPConnection(*address)
    times = []
    until_s = perf_counter() + TURN_S
    while perf_counter() < until_s:
        began_s = perf_counter()
        if call(connection, f"/v2/models/{model}/infer", body) != 200:
            raise RuntimeError("a prediction failed")
        times.append(1000 * (perf_counter() - began_s))
    connection.close()
    return times


def compare(address: Address, model: str, rounds: int) -> None:
    """Measure in turns, and print what came of it."""
    alone: list[float] = []
    beside: list[float] = []
    predicting(address, model)
    for _ in range(rounds):
        alone += predicting(address, model)
        with explaining(address, model):
            beside += predicting(address, model)
    print(
        f"{model}: middle {median(alone):.2f} ms alone, {median(beside):.2f} beside an explanation "
        f"({100 * (median(beside) / median(alone) - 1):+.0f} %); mean {mean(alone):.2f} and "
        f"{mean(beside):.2f} ({100 * (mean(beside) / mean(alone) - 1):+.0f} %)",
        flush=True,
    )


def main(rounds: int) -> None:
    """Serve the models, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder) / "models")
        settings = Path(folder) / "dragoman.yaml"
        settings.write_text(f"repository: {folder}/models\nlimits: {{request_timeout_s: 3}}\n")
        with serving(["--config", str(settings)], Path(folder) / "log") as addresses:
            for model in SHAPES:
                compare(addresses.http, model, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

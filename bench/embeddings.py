"""What a server of vectors reaches of the rate of bare onnxruntime, at 8 sentences a request.

    python -m bench.embeddings [ROUNDS]

The model has the shape of MiniLM-L6 and random weights. Bare is the session alone with tokens that are there
already, on as many threads. Both are asked one request after the other, in turns; told are requests a second
of each, their ratio, and the processor time of a request. Needs the extra embeddings.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

from bench.text import cpu_s
from dragoman.cli.port_owner import port_owner
from dragoman.engines.cores import default_per_core
from tests.engines.text_models import MODELS
from tests.server_process import Address, serving

LAYERS, WIDTH, HEADS, INNER, WORDS = 6, 384, 12, 1536, 400
SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    "What is the capital of Japan? The capital of Japan is Tokyo.",
    "Say hello.",
    "alpha beta gamma delta epsilon zeta eta theta",
    "The capital of Japan is Tokyo, and the quick brown fox says hello.",
    "The lazy dog jumps over the quick brown fox.",
    "hello hello hello hello",
    "What is the quick brown fox?",
]
REQUESTS = 12  # of a turn


class Graph:
    """A graph as it is made, node by node."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; its output's name."""
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, array: np.ndarray[Any, Any]) -> str:
        """Add a constant; its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def linear(self, given: str, taken: int, made: int) -> str:
        """A layer of random weights."""
        weights = self.constant(self._random.normal(0, 0.05, (taken, made)).astype(np.float32))
        bias = self.constant(np.zeros(made, np.float32))
        return self.node("Add", self.node("MatMul", given, weights), bias)

    def normalized(self, one: str, other: str) -> str:
        """The sum of both, normalised."""
        scale, bias = (self.constant(np.full(WIDTH, value, np.float32)) for value in (1, 0))
        return self.node("LayerNormalization", self.node("Add", one, other), scale, bias, axis=-1)

    def heads(self, given: str, order: tuple[int, ...]) -> str:
        """Divided among the heads of an attention."""
        shape = self.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        divided = self.node("Reshape", self.linear(given, WIDTH, WIDTH), shape)
        return self.node("Transpose", divided, perm=order)

    def attention(self, given: str, mask: str) -> str:
        """Each token looks at all that are not masked."""
        query, value = (self.heads(given, (0, 2, 1, 3)) for _ in range(2))
        scores = self.node("MatMul", query, self.heads(given, (0, 2, 3, 1)))
        scaled = self.node("Mul", scores, self.constant(np.float32((WIDTH // HEADS) ** -0.5)))
        weights = self.node("Softmax", self.node("Add", scaled, mask), axis=-1)
        joined = self.node("Transpose", self.node("MatMul", weights, value), perm=(0, 2, 1, 3))
        shape = self.constant(np.array([0, 0, WIDTH], np.int64))
        return self.linear(self.node("Reshape", joined, shape), WIDTH, WIDTH)

    def thought(self, given: str) -> str:
        """What comes between two attentions."""
        inner = self.linear(given, WIDTH, INNER)
        half, one, root = (self.constant(np.float32(value)) for value in (0.5, 1, 2**-0.5))
        bent = self.node("Add", self.node("Erf", self.node("Mul", inner, root)), one)
        return self.linear(self.node("Mul", self.node("Mul", inner, bent), half), INNER, WIDTH)


def write_model(folder: Path) -> None:
    """A model of MiniLM's shape, with the tokenizer of the tests' small one."""
    shutil.copytree(MODELS / "tinyembed", folder, ignore=shutil.ignore_patterns("openvino*"))
    graph = Graph()
    table = np.random.default_rng(1).normal(size=(WORDS, WIDTH)).astype(np.float32)
    hidden = graph.node("Gather", graph.constant(table), "input_ids")
    seen = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    absent = graph.node("Sub", graph.constant(np.float32(1)), seen)
    axes = graph.constant(np.array([1, 2], np.int64))
    mask = graph.node("Mul", graph.node("Unsqueeze", absent, axes), graph.constant(np.float32(-1e4)))
    for _ in range(LAYERS):
        hidden = graph.normalized(hidden, graph.attention(hidden, mask))
        hidden = graph.normalized(hidden, graph.thought(hidden))
    graph.nodes.append(helper.make_node("Identity", [hidden], ["last_hidden_state"]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", WIDTH])]
    made = helper.make_graph(graph.nodes, "minilm", inputs, outputs, graph.constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(made, opset_imports=opset, ir_version=8), folder / "model.onnx")


def bare_call(folder: Path) -> Callable[[], Any]:
    """The session's own call for the sentences."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = default_per_core()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encoded = tokenizer.encode_batch(SENTENCES)  # which fills them up to the longest
    feed: Mapping[str, Any] = {
        "input_ids": np.array([each.ids for each in encoded], np.int64),
        "attention_mask": np.array([each.attention_mask for each in encoded], np.int64),
    }
    return lambda: session.run(None, feed)


def served_call(address: Address) -> Callable[[], Any]:
    """The same over a connection that stays."""
    connection = HTTPConnection(address.host, address.port)
    body = json.dumps({"model": "minilm", "input": SENTENCES, "encoding_format": "base64"})

    def call() -> None:
        connection.request("POST", "/v1/embeddings", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        if len(json.loads(answer.read())["data"]) != len(SENTENCES):
            raise RuntimeError(f"the server answered {answer.status}")

    return call


def turn(call: Callable[[], Any], pid: int) -> tuple[float, float]:
    """Requests a second of one turn, and milliseconds of the process for each."""
    spent_s, began_s = cpu_s(pid), perf_counter()
    for _ in range(REQUESTS):
        call()
    took_s = perf_counter() - began_s
    return REQUESTS / took_s, 1e3 * (cpu_s(pid) - spent_s) / REQUESTS


def main(rounds: int) -> None:
    """Measure in turns, print each round, and what the middle one of the ratios is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "models" / "minilm" / "1"
        write_model(folder)
        with serving([str(folder.parents[1])], Path(name) / "log") as addresses:
            owner = port_owner(addresses.http.port)
            if owner is None:
                raise RuntimeError("the server is not to be found")
            calls = {
                "bare": (bare_call(folder), os.getpid()),
                "served": (served_call(addresses.http), owner.pid),
            }
            for call, pid in calls.values():
                turn(call, pid)
            ratios = []
            for _ in range(rounds):
                told = {which: turn(*each) for which, each in calls.items()}
                (bare, bare_ms), (served, served_ms) = told["bare"], told["served"]
                ratios.append(served / bare)
                print(
                    f"bare {bare:.1f}/s {bare_ms:.1f} ms, served {served:.1f}/s {served_ms:.1f} ms, "
                    f"ratio {ratios[-1]:.2f}"
                )
            print(f"the middle ratio: {median(ratios):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)

"""The graph of an embedder, opened by onnxruntime or by OpenVINO."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import Array
from dragoman.engines.cores import default_per_core
from dragoman.engines.embedder.options import EmbedderOptions

KNOWN_INPUTS: Final = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})
TOKEN_VECTORS: Final = ("last_hidden_state", "token_embeddings")
TEXT_VECTORS: Final = ("sentence_embedding", "sentence_embeddings", "pooler_output")

Run = Callable[[Mapping[str, Array]], Array]
Choose = Callable[[Sequence[str], Mapping[str, int]], str]  # an output, by the names and ranks of all


class Graph(Struct, frozen=True):
    """A graph that runs on any thread. `inputs` = the names of what it takes."""

    inputs: frozenset[str]
    run: Run


def open_graph(path: str, options: EmbedderOptions, choose: Choose | None = None) -> Graph:
    """The graph, by the kind of its file; `choose` picks the output to read, None = the one with vectors.

    Errors: FAILED_PRECONDITION for a package that is missing, or a graph that is no embedder's; INTERNAL for
    a file that the runtime refuses.
    """
    opened = open_openvino if path.endswith(".xml") else open_onnx
    try:
        graph = opened(path, options, choose or chosen_output)
    except DragomanError:
        raise
    except Exception as error:
        file = os.path.basename(path)
        structlog.get_logger("dragoman.engines.embedder").error(
            "a file was refused", file=file, cause=str(error)
        )
        message = f"{file} does not load: its runtime refuses it; the log tells more"
        raise DragomanError(Code.INTERNAL, message) from error
    if "input_ids" not in graph.inputs or not graph.inputs <= KNOWN_INPUTS:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{os.path.basename(path)} takes {', '.join(sorted(graph.inputs))}; an embedder takes input_ids, "
            "and perhaps attention_mask, token_type_ids and position_ids",
        )
    return graph


def chosen_output(names: Sequence[str], ranks: Mapping[str, int]) -> str:
    """The output to read: vectors of tokens by their usual names, else by rank, else those of texts.

    Errors: FAILED_PRECONDITION where there is none.
    """
    usual = [name for name in TOKEN_VECTORS if ranks.get(name) == 3]
    by_rank = [name for name in names if ranks[name] == 3]
    of_texts = [name for name in TEXT_VECTORS if ranks.get(name) == 2]
    for found in (usual, by_rank, of_texts):
        if found:
            return found[0]
    raise DragomanError(
        Code.FAILED_PRECONDITION, f"none of the outputs {', '.join(names)} holds vectors of tokens or texts"
    )


def open_onnx(path: str, options: EmbedderOptions, choose: Choose) -> Graph:
    """The graph with onnxruntime."""
    runtime = import_onnx()
    made = runtime.SessionOptions()
    made.intra_op_num_threads = options.threads or default_per_core()
    made.log_severity_level = 4
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(path, made, providers=["CPUExecutionProvider"])
    outputs = session.get_outputs()
    names = [output.name for output in outputs]
    output = choose(names, {each.name: len(each.shape) for each in outputs})

    def run(feed: Mapping[str, Array]) -> Array:
        found: Array = session.run([output], feed)[0]
        return found

    return Graph(frozenset(each.name for each in session.get_inputs()), run)


def open_openvino(path: str, options: EmbedderOptions, choose: Choose) -> Graph:
    """The graph with OpenVINO, computed in float32."""
    openvino = import_openvino()
    core = openvino.Core()
    model = core.read_model(path)
    properties: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    if options.device == "CPU":
        properties["INFERENCE_NUM_THREADS"] = options.threads or default_per_core()
    compiled = core.compile_model(model, options.device, properties)
    ranks = {each.any_name: len(each.partial_shape) for each in compiled.outputs}
    output = choose(list(ranks), ranks)
    own = threading.local()  # a request runs one call at a time

    def run(feed: Mapping[str, Array]) -> Array:
        request = getattr(own, "request", None)
        if request is None:
            request = own.request = compiled.create_infer_request()
        request.infer(dict(feed), share_inputs=True, share_outputs=False)
        found: Array = request.get_tensor(output).data.copy()
        return found

    return Graph(frozenset(each.any_name for each in compiled.inputs), run)


def import_onnx() -> ModuleType:
    """The package onnxruntime."""
    try:
        import onnxruntime  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine embedder needs the package onnxruntime: pip install onnxruntime",
        ) from error
    runtime: ModuleType = onnxruntime
    return runtime


def import_openvino() -> ModuleType:
    """The package openvino."""
    try:
        import openvino  # noqa: PLC0415
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine embedder needs OpenVINO for openvino_model.xml: pip install 'dragoman[openvino]'",
        ) from error
    runtime: ModuleType = openvino
    return runtime

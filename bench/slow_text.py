"""What the server costs a model whose steps are slow: texts a second beside the bare pipeline's.

    python -m bench.slow_text [ROUNDS] [MATRICES]

The model is the small one of the tests with random matrices of 4,194,304 weights each behind its last layer:
of 32 of them it has 134 million. 32 streams at once, in turns from the server and from the pipeline in this
process, as many tokens each. The processor time is that of the server's processes and of the pipeline's; the
time that the client takes for reading is in the tokens a second only. Needs the extra genai.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from bench.text import STREAMS, cpu_s, make_pipeline, read_streams, write_texts
from dragoman.cli.port_owner import port_owner
from tests.engines.text_models import write_models
from tests.server_process import serving

WIDTH = 2048
TOKENS = 120
SEED = 0
LEAST_STEP_MS = 5.0


def make_slow(folder: Path, matrices: int) -> None:
    """Put the matrices into the graph in a folder: what they come to hardly changes what the model says."""
    import numpy as np  # noqa: PLC0415 (an extra's)
    import openvino  # noqa: PLC0415
    from openvino import opset13 as ops  # noqa: PLC0415

    path = folder / "openvino_model.xml"
    graph = openvino.Core().read_model(path)
    head = graph.get_results()[0].input_value(0).get_node()
    last = head.input_value(0)
    width = last.get_partial_shape()[-1].get_length()
    random = np.random.default_rng(SEED)
    value: Any = last
    for rows, columns in ((width, WIDTH), *[(WIDTH, WIDTH)] * matrices, (WIDTH, width)):
        weights = random.standard_normal((rows, columns), np.float32) / np.float32(rows**0.5)
        value = ops.matmul(value, ops.constant(weights), False, False)
    scaled = ops.multiply(value, ops.constant(np.float32(1e-6)))
    head.input(0).replace_source_output(ops.add(last, scaled).output(0))
    graph.validate_nodes_and_infer_types()
    slow = folder / "slow.xml"
    openvino.save_model(graph, slow, compress_to_fp16=False)
    del graph, head, last, value, scaled  # they hold the files that are replaced
    for ending in (".xml", ".bin"):
        slow.with_suffix(ending).replace(path.with_suffix(ending))


class Pace(NamedTuple):
    """Tokens a second, and microseconds of processor time for each."""

    tokens_per_s: float
    cpu_us: float


def pace(cpu_s: Callable[[], float], write: Callable[[], object]) -> Pace:
    """What writing the texts comes to."""
    before_s, began_s = cpu_s(), perf_counter()
    write()
    took_s, spent_s = perf_counter() - began_s, cpu_s() - before_s
    return Pace(STREAMS * TOKENS / took_s, 1e6 * spent_s / (STREAMS * TOKENS))


def compare(ours: Callable[[], Pace], theirs: Callable[[], Pace], rounds: int) -> None:
    """Measure in turns, and print each round."""
    slower, dearer = [], []
    for number in range(rounds):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        one, other = first(), second()
        server, bare = (one, other) if number % 2 else (other, one)
        slower.append(100 * (1 - server.tokens_per_s / bare.tokens_per_s))
        dearer.append(100 * (server.cpu_us / bare.cpu_us - 1))
        print(
            f"{server.tokens_per_s:.0f} and {bare.tokens_per_s:.0f} tokens/s: {slower[-1]:.1f} % lost; "
            f"processor time {server.cpu_us:.0f} and {bare.cpu_us:.0f} us a token: {dearer[-1]:.1f} % more",
            flush=True,
        )
    print(f"the middle of {rounds}: {median(slower):.1f} % lost, {median(dearer):.1f} % more processor time")


def main(rounds: int, matrices: int) -> None:
    """Serve the model, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(Path(folder) / "models")
        model = models / "tinychat" / "1"
        make_slow(model, matrices)
        with serving([str(models)], Path(folder) / "log") as addresses:
            owner = port_owner(addresses.http.port)
            if owner is None:
                raise RuntimeError("the server is not to be found")
            pipeline = make_pipeline(model)
            read_streams(addresses.http, TOKENS)
            began_s = perf_counter()
            steps, *_ = write_texts(pipeline, TOKENS)
            step_ms = 1000 * (perf_counter() - began_s) / steps
            print(f"{step_ms:.1f} ms a step of the bare pipeline")
            if step_ms < LEAST_STEP_MS:
                raise SystemExit(f"that is too quick: ask for more than {matrices} matrices")
            compare(
                lambda: pace(lambda: cpu_s(owner.pid), lambda: read_streams(addresses.http, TOKENS)),
                lambda: pace(process_time, lambda: write_texts(pipeline, TOKENS)),
                rounds,
            )


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*numbers[:2], *(7, 32)[len(numbers[:2]) :])

"""The bare runtime: one onnxruntime call on one core, with nothing of ours around it.

python -m bench.runtime MODELS SECONDS     prints a JSON object: nanoseconds a call by workload
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Final

import onnxruntime

from bench.workloads import WORKLOADS

BATCHES: Final = 20


def ns_per_call(call: Callable[[], object], seconds: float) -> float:
    """The median over batches of calls that take so long in all."""
    call()
    began = perf_counter_ns()
    call()
    once_ns = max(perf_counter_ns() - began, 1)
    calls = max(int(seconds * 1e9 / BATCHES / once_ns), 1)
    return median(_batch(call, calls) for _ in range(BATCHES))


def _batch(call: Callable[[], object], calls: int) -> float:
    began = perf_counter_ns()
    for _ in range(calls):
        call()
    return (perf_counter_ns() - began) / calls


def measure(models: Path, seconds: float) -> Mapping[str, float]:
    """Nanoseconds a call, by workload."""
    found = {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for workload in WORKLOADS:
        file = models / workload.model / "1" / "model.onnx"
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        names, inputs = ["y"], {"x": workload.array()}
        found[workload.name] = ns_per_call(lambda run=session.run, i=inputs, n=names: run(n, i), seconds)
    return found


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), float(sys.argv[2]))))

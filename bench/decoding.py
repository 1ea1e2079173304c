"""Decoding and resizing alone: the server's own decoder on as many threads, with nothing else around it.

python -m bench.decoding MODELS SECONDS     prints a JSON object: images a second
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.models import PICTURE_SHAPE
from bench.workloads import IMAGES
from dragoman.core.context import CallContext
from dragoman.engines.base import Artifact
from dragoman.engines.onnx import OnnxEngine
from dragoman.execution.images.decoding import decode
from dragoman.repository.preprocessing import preprocessed
from dragoman.settings.limits import Limits
from dragoman.settings.model import PreprocessingSettings

WARM_UP: Final = 20  # images


def measure(models: Path, seconds: float) -> float:
    """Images a second, on one thread for each core: what a model has by default."""
    (workload,) = {one.model for one in IMAGES}
    model = OnnxEngine().load(Artifact(str(models / workload / "1" / "model.onnx"), workload, 1), {})
    ((_, signature),) = preprocessed(model.signatures, PreprocessingSettings()).items()
    ((name, spec),) = signature.inputs.items()
    files, limits, call = IMAGES[0].array(), Limits(), CallContext("bench")
    image = spec.image
    if image is None:
        raise TypeError(f"{workload} takes no images")

    def decode_until(ends_s: float) -> int:
        done = 0
        while perf_counter() < ends_s:
            decode(name, image, files, limits, call)
            done += 1
        return done

    for _ in range(WARM_UP):
        if decode(name, image, files, limits, call).array.shape != PICTURE_SHAPE:
            raise TypeError("this is not what the model takes")
    threads = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(threads) as pool:
        began_s = perf_counter()
        done = sum(pool.map(decode_until, [began_s + seconds] * threads))
        return done / (perf_counter() - began_s)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), float(sys.argv[2]))))

"""What a token of a streamed text costs the server.

    python -m bench.text [ROUNDS]

32 streams of the small model of the tests, each of 240 tokens, on a server of their own. Told is the
processor time of the event loop's thread, which makes tokens text and sends them, and of the whole process;
beside it that of the bare pipeline for the same texts. Needs the extra genai.
"""

import json
import os
import resource
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dragoman.cli.port_owner import port_owner
from tests.engines.text_models import MODELS, write_models
from tests.server_process import Address, serving

STREAMS = 32
TOKENS = 240
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


def read_stream(address: Address, tokens: int = TOKENS) -> int:
    """Read one text to its end; the bytes that came."""
    asked = {"model": "tinychat", "prompt": "alpha beta", "max_tokens": tokens, "temperature": 0}
    body = json.dumps({**asked, "ignore_eos": True, "stream": True}).encode()
    size = 0
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD % len(body) + body)
        while data := connection.recv(1 << 16):
            size += len(data)
    return size


def cpu_s(stat: Path) -> float:
    """The processor time that a process or one of its threads has taken."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def served(address: Address, pid: int, threads: ThreadPoolExecutor) -> tuple[float, float]:
    """Microseconds a token of the loop's thread and of the whole process."""
    paths = [Path(f"/proc/{pid}/task/{pid}/stat"), Path(f"/proc/{pid}/stat")]
    before = [cpu_s(path) for path in paths]
    list(threads.map(read_stream, [address] * STREAMS))
    spent = [cpu_s(path) - start for path, start in zip(paths, before, strict=True)]
    loop, whole = (1e6 * seconds / (STREAMS * TOKENS) for seconds in spent)
    return loop, whole


def make_pipeline(model: Path) -> Any:
    """The pipeline by itself, in this process, as the server's engine makes it."""
    import openvino_genai  # noqa: PLC0415 (this process is only the bare one's where it is asked for)

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.max_num_seqs = 2 * STREAMS
    properties = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino_genai.ContinuousBatchingPipeline(str(model), scheduler, "CPU", properties)


def write_texts(pipeline: Any, tokens: int) -> int:
    """Write as many texts as there are streams; the steps that it took."""
    import numpy as np  # noqa: PLC0415
    import openvino  # noqa: PLC0415
    import openvino_genai  # noqa: PLC0415

    config = openvino_genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos, config.logprobs = tokens, True, 1
    prompt = openvino.Tensor(np.array([[386, 387]], np.int64))
    handles = [pipeline.add_request(number, prompt, config) for number in range(STREAMS)]
    steps = 0
    while pipeline.has_non_finished_requests():
        pipeline.step()
        steps += 1
        for handle in handles:
            while handle.can_read():
                handle.read()
    return steps


def bare() -> float:
    """Microseconds a token of the pipeline by itself."""
    pipeline = make_pipeline(MODELS / "tinychat")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    write_texts(pipeline, TOKENS)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    return 1e6 * spent / (STREAMS * TOKENS)


def main(rounds: int) -> None:
    """Measure in turns, and print each round."""
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(Path(folder) / "models")
        with serving([str(models)], Path(folder) / "log") as addresses:
            owner = port_owner(addresses.http.port)
            if owner is None:
                raise RuntimeError("the server is not to be found")
            with ThreadPoolExecutor(STREAMS) as threads:
                served(addresses.http, owner.pid, threads)
                bare()
                for _ in range(rounds):
                    loop, whole = served(addresses.http, owner.pid, threads)
                    print(f"loop {loop:.1f} us, server {whole:.1f} us, bare {bare():.1f} us a token")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

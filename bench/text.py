"""What a token of a streamed text costs the server.

    python -m bench.text [ROUNDS]

32 streams of the small model of the tests, each of 240 tokens, on a server of their own, and in turns with
them the bare pipeline for as many texts. What counts of either is the time in which all 32 are under way:
from the first token of the last to begin to the end of the first to end. Told is the processor time of the
event loop's thread, which makes tokens text and sends them, of the whole server with the process that steps
its model, and of the bare pipeline's process. Needs the extra genai.
"""

import json
import selectors
import socket
import sys
import tempfile
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final, NamedTuple

from dragoman.cli.port_owner import port_owner
from tests.engines.text_models import MODELS, write_models
from tests.server_process import Address, serving

STREAMS: Final = 32
TOKENS: Final = 240
LEAST: Final = STREAMS * TOKENS // 2  # tokens in the time that counts; else the streams began too far apart
PROMPT: Final = [386, 387]
HEAD: Final = b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
COUNTER: Final = "dragoman_text_tokens_total"

Mark = Callable[[], None]


class Spent(NamedTuple):
    """How many tokens there were so far, and seconds of processor time: of the loop's thread, and of all."""

    tokens: float
    loop_s: float
    whole_s: float


class Cost(NamedTuple):
    """Microseconds of processor time a token."""

    loop_us: float
    whole_us: float


def cost(first: Spent, last: Spent) -> Cost:
    """What the tokens between two marks cost."""
    tokens = last.tokens - first.tokens
    return Cost(1e6 * (last.loop_s - first.loop_s) / tokens, 1e6 * (last.whole_s - first.whole_s) / tokens)


def thread_s(pid: int, thread: str) -> float:
    """The processor time that a thread has taken, to the nanosecond; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        return 0.0


def cpu_s(pid: int) -> float:
    """The processor time that the threads of a process have taken, and those of its children."""
    tasks = [task.name for task in Path(f"/proc/{pid}/task").iterdir()]
    children = [
        child
        for task in tasks
        for child in Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii").split()
    ]
    return sum(thread_s(pid, task) for task in tasks) + sum(cpu_s(int(child)) for child in children)


def read_streams(address: Address, tokens: int, begun: Mark | None = None, ended: Mark | None = None) -> None:
    """Ask for all texts at once, and read each to its end, on one thread.

    `begun` is called once all have begun, `ended` once one has ended; where the one is after the other.
    """
    asked = {"model": "tinychat", "prompt": PROMPT, "max_tokens": tokens, "temperature": 0}
    body = json.dumps({**asked, "ignore_eos": True, "stream": True}).encode()
    streams = [socket.create_connection(address) for _ in range(STREAMS)]
    silent = set(streams)
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            stream.sendall(HEAD % len(body) + body)
            selector.register(stream, selectors.EVENT_READ, stream)
        while selector.get_map():
            for key, _ in selector.select():
                stream = key.data
                if stream.recv(1 << 16):
                    if stream in silent:
                        silent.remove(stream)
                        if not silent and begun is not None:
                            begun()
                    continue
                if len(selector.get_map()) == STREAMS and ended is not None:
                    ended()
                selector.unregister(stream)
                stream.close()


def served(address: Address, pid: int) -> Cost:
    """What a token costs the server."""

    def tokens() -> float:
        connection = HTTPConnection(*address)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(COUNTER))

    marks: list[Spent] = []

    def begun() -> None:
        so_far = tokens()
        marks.append(Spent(so_far, thread_s(pid, str(pid)), cpu_s(pid)))

    def ended() -> None:
        loop_s, whole_s = thread_s(pid, str(pid)), cpu_s(pid)
        marks.append(Spent(tokens(), loop_s, whole_s))

    while True:
        read_streams(address, TOKENS, begun, ended)
        first, last = marks[-2:]
        if last.tokens - first.tokens >= LEAST:
            return cost(first, last)


def make_pipeline(model: Path) -> Any:
    """The pipeline by itself, in this process, as the server's engine makes it."""
    import openvino_genai  # noqa: PLC0415 (this process is only the bare one's where it is asked for)

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.max_num_seqs = 2 * STREAMS
    properties = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino_genai.ContinuousBatchingPipeline(str(model), scheduler, "CPU", properties)


def write_texts(pipeline: Any, tokens: int) -> tuple[int, Spent, Spent]:
    """Write as many texts as there are streams; the steps it took, and marks behind the first and last."""
    import numpy as np  # noqa: PLC0415
    import openvino  # noqa: PLC0415
    import openvino_genai  # noqa: PLC0415

    config = openvino_genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos, config.logprobs = tokens, True, 0
    prompt = openvino.Tensor(np.array([PROMPT], np.int64))
    handles = [pipeline.add_request(number, prompt, config) for number in range(STREAMS)]
    marks: list[Spent] = []
    steps = 0
    while pipeline.has_non_finished_requests():
        pipeline.step()
        steps += 1
        for handle in handles:
            while handle.can_read():
                handle.read()
        if steps == 1:
            marks.append(Spent(STREAMS, 0, process_time()))
    return steps, marks[0], Spent(STREAMS * tokens, 0, process_time())


def bare(pipeline: Any) -> float:
    """Microseconds a token of the pipeline by itself."""
    _, first, last = write_texts(pipeline, TOKENS)
    return cost(first, last).whole_us


def main(rounds: int) -> None:
    """Measure in turns, and print each round and the middle of all."""
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(Path(folder) / "models")
        with serving([str(models)], Path(folder) / "log") as addresses:
            owner = port_owner(addresses.http.port)
            if owner is None:
                raise RuntimeError("the server is not to be found")
            pipeline = make_pipeline(MODELS / "tinychat")
            served(addresses.http, owner.pid)
            bare(pipeline)
            more: list[float] = []
            for _ in range(rounds):
                ours, theirs = served(addresses.http, owner.pid), bare(pipeline)
                more.append(ours.whole_us - theirs)
                print(
                    f"loop {ours.loop_us:.1f} us, server {ours.whole_us:.1f} us, "
                    f"bare {theirs:.1f} us a token",
                    flush=True,
                )
            print(f"the middle of {rounds}: {median(more):.1f} us more a token than the bare pipeline")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)

"""A handler that does what the body of its first request says."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.utils.util import PredictionException

MEETING = threading.Barrier(2)


def handle(data, context):
    if data is None:
        return None
    body = data[0].get("body") or b""
    if len(body) > 1000:
        return double(data, context)
    order = bytes(body).decode()
    return ORDERS.get(order, answer)(data, context)


def answer(data, context):
    return [f"{bytes(row.get('body') or b'').decode()} of {len(data)} in {os.getpid()}" for row in data]


def stream(data, context):
    for part in ("a", "b", "c"):
        send_intermediate_predict_response([part] * len(data), context.request_ids, "", 200, context)
    return ["d"] * len(data)


def stream_on(data, context):
    for _ in range(3):
        with suppress(Exception):
            send_intermediate_predict_response(["a"] * len(data), context.request_ids, "", 200, context)
    return ["d"] * len(data)


def files(data, context):
    """What this process has open, without the numbers of pipes and sockets."""
    held = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            held.add(os.readlink(f"/proc/self/fd/{number}").partition(":[")[0])
    return [sorted(held)] * len(data)


def measure(data, context):
    context.metrics.add_counter("Cups", 2, idx=0)
    context.metrics.add_metric("Odd", float("nan"), "ms", idx=0)
    return ["measured"]


def measure_later(data, context):
    context.metrics.add_counter("Cups", 1, idx=0)
    later = threading.Timer(0.01, context.metrics.add_counter, ["Late", 3])
    later.start()
    return ["measured"]


def double(data, context):
    return [bytes(row["body"]) * 2 for row in data]


def meet(data, context):
    MEETING.wait(30)
    return ["met"]


def choose(data, context):
    context.set_response_status(code=418, phrase="short and stout", idx=0)
    context.set_response_content_type(0, "text/tea")
    context.set_response_header(0, "X-Pot", "yes")
    return [b"tea"]


def refuse(data, context):
    raise PredictionException("there is no tea", 404)


def fail(data, context):
    raise ValueError("a secret")


def leave(data, context):
    os._exit(3)


def depart(data, context):
    sys.exit(4)


def be_killed(data, context):
    os.kill(os.getpid(), signal.SIGKILL)


def leave_midway(data, context):
    send_intermediate_predict_response(["a"], context.request_ids, "", 200, context)
    os._exit(3)


def hang(data, context):
    while True:
        time.sleep(1)


def print_much(data, context):
    for _ in range(100_000):
        print("x" * 100)
    return ["printed"]


ORDERS = {
    "stream": stream,
    "stream on": stream_on,
    "meet": meet,
    "measure": measure,
    "measure later": measure_later,
    "files": files,
    "choose": choose,
    "refuse": refuse,
    "fail": fail,
    "leave": leave,
    "depart": depart,
    "be killed": be_killed,
    "leave midway": leave_midway,
    "hang": hang,
    "print": print_much,
    "too few": lambda data, context: [],
    "no list": lambda data, context: "text",
    "no json": lambda data, context: [object()],
    "headers": lambda data, context: [context.get_all_request_header(0)],
}

"""A model that does what each request orders."""

import os
import re
import signal
import sys
import threading
from typing import ClassVar

import numpy as np


def echo(x, call):
    return x


def pid(x, call):
    return np.array([os.getpid()], np.float64)


def refuse(x, call):
    raise ValueError("x is no good")


def fail(x, call):
    raise KeyError("secret")


def leave(x, call):
    sys.exit(3)


def end(x, call):
    os._exit(3)


def crash(x, call):
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(x, call):
    threading.Event().wait()


def hold(x, call):
    """Hang so that no other Python code runs in this process."""
    print("holding", os.getpid())
    re.match(r"(a+)+b", "a" * 64)


def obey(x, call):
    """Hang until cancelled."""
    while not call.cancelled:
        pass
    return x


def meet(x, call):
    """Answer when a second call is here."""
    MEETING.wait(30)
    return x


def wait(x, call):
    """Answer when somebody writes into the pipe of the model's folder."""
    with open(os.path.join(os.path.dirname(__file__), "gate")) as gate:
        gate.read()
    return x


def shout(x, call):
    for _ in range(200):
        os.write(1, b"x" * 79 + b"\n")
        os.write(2, b"y" * (1 << 20) + b"\n")
    return x


def hoard(x, call):
    KEPT.append(np.ones(1 << 30, np.uint8))
    return x


def garble(x, call):
    os.write(int(sys.argv[1]), b"\xff" * 99)
    return hang(x, call)


def shrink(x, call):
    os.ftruncate(int(sys.argv[2]), 0)


def spawn(x, call):
    """End, and leave a process behind that holds all that is open."""
    if os.fork() == 0:
        threading.Event().wait()
    os._exit(3)


KNOWN = [echo, pid, refuse, fail, leave, end, crash, hang, hold, obey, meet, wait, shout, hoard]
KNOWN += [garble, shrink, spawn]
ORDERS = {work.__name__: work for work in KNOWN}
MEETING = threading.Barrier(2)
KEPT = []


class Model:
    """`order` says what is done before `y` is given."""

    inputs: ClassVar = {"order": ("bytes", []), "x": ("float64", None)}
    outputs: ClassVar = {"y": ("float64", None)}
    options: ClassVar = {"concurrency": 1}

    def load(self, context):
        if os.path.exists(os.path.join(context.path, "broken")):
            sys.exit("broken")
        self.concurrency = context.options["concurrency"]

    def predict(self, inputs, call):
        return {"y": ORDERS[inputs["order"][()].decode()](inputs["x"], call)}

    def stream(self, inputs, call):
        for value in inputs["x"]:
            ORDERS[inputs["order"][()].decode()](value, call)
            yield {"y": np.array([value])}

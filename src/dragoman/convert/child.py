"""The process that converts. It reads one order on its input, and tells on its output what it does."""

import importlib
import logging
import os
import sys
import warnings
from typing import Final

import msgspec

from dragoman.convert.messages import Done, Failed, Order, Step
from dragoman.core.errors import Code, DragomanError

# Which module converts the models of an engine.
MODULES: Final = {
    "sklearn": "sklearn",
    "skops": "sklearn",
    "xgboost": "trees",
    "lightgbm": "trees",
    "torch": "torch",
    "tensorflow": "tensorflow",
}


def main() -> int:
    """Convert; the exit code."""
    with os.fdopen(os.dup(1), "wb", buffering=0) as told:
        os.dup2(2, 1)  # what converters print is no answer
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)

        def tell(message: Step | Done | Failed) -> None:
            told.write(msgspec.json.encode(message) + b"\n")

        try:
            module = importlib.import_module(f"dragoman.convert.kinds.{MODULES[order.engine]}")
            tell(module.convert(order, lambda text: tell(Step(text))))
        except DragomanError as error:
            tell(Failed(error.code.value, error.message))
            return 1
        except Exception as error:
            tell(Failed(Code.FAILED_PRECONDITION.value, refusal(order, error)))
            return 1
    return 0


def refusal(order: Order, error: Exception) -> str:
    """What a converter's own error says: its type and its first lines."""
    text = " ".join(str(error).split())[:500]
    return f"{os.path.basename(order.path)} cannot be converted: {type(error).__name__}: {text}"


if __name__ == "__main__":
    sys.exit(main())

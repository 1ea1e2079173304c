"""`BatchingParameters` as native settings of a model."""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.config.dialect import Note
from dragoman.config.dialects.tensorflow_serving.schemas import BATCHING, KEYS
from dragoman.config.text_message import Message
from dragoman.config.text_proto import read_text_proto
from dragoman.core.errors import invalid

MAX_BATCH_SIZE: Final = 1000  # the reference's default
MAX_ENQUEUED_BATCHES: Final = 10
FLAG: Final = "batching_parameters_file"


def read_batching(text: str, file: str) -> tuple[dict[str, Any], list[Note]]:
    """`batching` and `threads` of a model, and a note for each key.

    Errors: INVALID_ARGUMENT naming file and line.
    """
    message = read_text_proto(text, file, BATCHING)
    mistakes = list(faults(message, file))
    if mistakes:
        raise invalid("\n".join(mistakes))
    notes = [Note(f"{file}:{given[0].line}: {key}", *KEYS[FLAG][key]) for key, given in message.given.items()]
    return model_batching(message), notes


def model_batching(message: Message) -> dict[str, Any]:
    """The native settings."""
    size = number(message, "max_batch_size", MAX_BATCH_SIZE)
    split = message.message("enable_large_batch_splitting")
    if split is not None and split.flag("value"):
        size = number(message, "max_execution_batch_size", size)
    batching: dict[str, Any] = {
        "max_size": size,
        "delay_ms": number(message, "batch_timeout_micros", 0) / 1000,
        "max_queue": size * number(message, "max_enqueued_batches", MAX_ENQUEUED_BATCHES),
    }
    if sizes := message.numbers("allowed_batch_sizes"):
        batching["allowed_sizes"] = sizes
    if message.flag("pad_variable_length_inputs"):
        batching["pad"] = True
    threads = number(message, "num_batch_threads", 0)
    return {"batching": batching} | ({"threads": threads} if threads else {})


def number(message: Message, key: str, default: int) -> int:
    """The number in a wrapper message; an empty wrapper is 0."""
    wrapper = message.message(key)
    return default if wrapper is None else wrapper.number("value")


def faults(message: Message, file: str) -> Iterator[str]:
    """What the reference would refuse when it loads a model."""
    for key, least in (
        ("max_batch_size", 1),
        ("max_execution_batch_size", 1),
        ("num_batch_threads", 1),
        ("max_enqueued_batches", 1),
        ("batch_timeout_micros", 0),
    ):
        wrapper = message.message(key)
        if wrapper is not None and wrapper.number("value") < least:
            yield f"{file}:{wrapper.line}: {key} must be at least {least}; was {wrapper.number('value')}"
    sizes = message.given.get("allowed_batch_sizes", [])
    if not sizes:
        return
    values, line = message.numbers("allowed_batch_sizes"), sizes[0].line
    largest = model_batching(message)["batching"]["max_size"]
    if values != sorted(set(values)) or values[0] < 1:
        yield f"{file}:{line}: allowed_batch_sizes entries must be monotonically increasing"
    elif values[-1] != largest:
        yield (
            f"{file}:{line}: Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {values[-1]}; expected {largest}"
        )

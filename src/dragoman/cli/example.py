"""Ready-to-paste `curl` lines. A body too long to paste is made by a short Python expression and piped in."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dragoman.core.tensors import DType
from dragoman.wire.example_call import ExampleCall, Ones

PASTABLE: Final = 32  # elements; more do not fit a line or two
ELEMENTS: Final[Mapping[DType, Any]] = {
    dtype: 1.0 if dtype.is_float else {DType.BOOL: True, DType.BYTES: "text"}.get(dtype, 1) for dtype in DType
}


def curl_line(url: str, example: ExampleCall) -> str:
    """The command that sends it to the server at `url`."""
    target = shlex.quote(url + example.path)
    typed = "-H 'Content-Type: application/json' " if example.typed else ""
    if sum(tensor.count for tensor in tensors(example.body)) <= PASTABLE:
        return f"curl {typed}-d {shlex.quote(written(example.body, as_json))} {target}"
    program = f"import json; print(json.dumps({written(example.body, as_python)}))"
    return f"python3 -c {shlex.quote(program)} | curl {typed}-d @- {target}"


def tensors(tree: object) -> Iterator[Ones]:
    """Every tensor of a body."""
    if isinstance(tree, Ones):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from tensors(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from tensors(value)


def written(tree: object, write: Callable[[Ones], str]) -> str:
    """A body's text, with each tensor in the language that `write` writes; the rest is the same in both."""
    if isinstance(tree, Ones):
        return write(tree)
    if isinstance(tree, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(tree[key], write)}" for key in tree) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(written(value, write) for value in tree) + "]"
    return json.dumps(tree)


def as_json(tensor: Ones) -> str:
    """Nested lists of ones, written out."""
    value = ELEMENTS[tensor.dtype]
    for size in reversed(tensor.sizes):
        value = [value] * size
    return json.dumps(value)


def as_python(tensor: Ones) -> str:
    """Nested lists of ones, as a short Python expression."""
    text = repr(ELEMENTS[tensor.dtype])
    for size in reversed(tensor.sizes):
        text = f"[{text}]" if size == 1 else f"[{text}]*{size}"
    return text

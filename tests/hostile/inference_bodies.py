"""Bodies of V2 inference over REST that are wrong, or cost more to read than to send, and what they are told.

A row is sent as it is, on a connection of its own; then a good request on the same one. What a codec says of
single keys stands in its own tests; here is what has to hold on a real connection.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

LENGTH: Final = "Inference-Header-Content-Length"
MANY: Final = 1_000_000
BOMB_BYTES: Final = 200 * 2**20  # inflated; twice the limit
PATH: Final = "/v2/models/{}/infer"


class Row(NamedTuple):
    """One line of the table. `told` is in the error; None = the request is good."""

    name: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    status: int
    told: str | None
    model: str = "echo_float32"
    chunks: tuple[int, ...] = ()  # where the body is cut, if it comes in chunks


def document(*inputs: Mapping[str, Any], **more: Any) -> bytes:
    return json.dumps({"inputs": inputs, **more}).encode()


def tensor(name: str = "x", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [1], "datatype": "FP32", **more}


def binary(size: int, **more: Any) -> dict[str, Any]:
    return tensor(parameters={"binary_data_size": size}, **more)


def after(text: bytes, data: bytes, *lengths: object) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """JSON with bytes after it, and as many headers as there are lengths; without any the true one."""
    return text + data, tuple((LENGTH, str(length)) for length in lengths or [len(text)])


def deflated(size: int) -> bytes:
    """So many blanks, compressed."""
    packer = zlib.compressobj(9)
    piece = b" " * 2**20
    return b"".join([packer.compress(piece) for _ in range(size // len(piece))]) + packer.flush()


def wrong(name: str, body: bytes, told: str, *headers: tuple[str, str], **more: Any) -> Row:
    return Row(name, body, headers, more.pop("status", 400), told, **more)


ONE: Final = document(tensor(data=[1.5]))
FOUR: Final = document(binary(4))
NO_NUMBER: Final = f"{LENGTH} must be a number of bytes"

FRAMING: Final = [
    Row("the true length", *after(FOUR, b"\0\0\xc0?"), 200, None),
    Row(
        "a binary body in chunks", *after(FOUR, b"\0\0\xc0?"), 200, None, chunks=(3, len(FOUR), len(FOUR) + 2)
    ),
    wrong("a length beyond the body", FOUR, f"{LENGTH} is 4096, and", (LENGTH, "4096")),
    wrong("a length of 19 nines", FOUR, "and the body has", (LENGTH, "9" * 19)),
    wrong("a length of 4,000 nines", FOUR, NO_NUMBER, (LENGTH, "9" * 4000)),
    wrong("a length below zero", FOUR, NO_NUMBER, (LENGTH, "-1")),
    wrong("a length in hexadecimal", FOUR, NO_NUMBER, (LENGTH, "0x10")),
    wrong("a length that cuts the JSON", FOUR, "JSON Parse error", (LENGTH, str(len(FOUR) - 1))),
    Row("two lengths", *after(FOUR, b"\0\0\xc0?", len(FOUR), 4), 400, NO_NUMBER),
    Row(
        "a length that takes bytes of the tensor",
        *after(FOUR, b"1234", len(FOUR) + 1),
        400,
        "JSON Parse error",
    ),
    wrong("bytes without a length", FOUR + b"\0\0\xc0?", "must not be followed by other values"),
    Row("bytes that are too few", *after(FOUR, b"\0\0\xc0"), 400, "and 3 bytes of the body are left"),
    Row("bytes that are too many", *after(FOUR, b"\0" * 5), 400, "1 bytes of the body are left over"),
    Row("a size of 2**63", *after(document(binary(2**63)), b"\0" * 4), 400, "4 bytes of the body are left"),
]
SHAPES: Final = [
    Row("a negative size", *after(document(binary(4, shape=[-1])), b"\0" * 4), 400, "with a negative size"),
    Row("sizes of 2**64 in all", *after(document(binary(4, shape=[2**62, 4])), b"\0" * 4), 400, "overflows"),
    Row("huge sizes beside zero", *after(document(binary(0, shape=[0, 2**62, 4])), b""), 400, "overflows"),
    Row("a million sizes", document(tensor(shape=[1] * MANY, data=[1])), (), 400, "at most 32"),
    Row(
        "a text that runs over",
        *after(document(binary(8, datatype="BYTES")), b"\xff\xff\xff\xffabcd"),
        400,
        "BYTES element 0 has 4294967295 bytes, and 4 are left",
        "echo_string",
    ),
    Row(
        "2**40 texts in five bytes",
        *after(document(binary(5, datatype="BYTES", shape=[2**40])), b"\1\0\0\0a"),
        400,
        "takes 1099511627776 BYTES elements, which 5 bytes cannot hold",
        "echo_string",
    ),
]
NAMES: Final = [
    wrong("an input twice", document(tensor(data=[1]), tensor(data=[1])), "input 'x' already exists"),
    wrong("an output twice", document(tensor(data=[1]), outputs=[{"name": "y"}] * 2), "output 'y' already"),
    wrong(
        "an unknown output",
        document(tensor(data=[1]), outputs=[{"name": "z"}]),
        "unexpected inference output 'z'",
    ),
]
COSTLY: Final = [
    wrong(
        "a hundred thousand inputs",
        document(*[tensor(str(number), data=[1]) for number in range(MANY // 10)]),
        "names more than 4096",
    ),
    wrong("a million lists in lists", b'{"inputs":' + b"[" * MANY, "nested more than"),
    wrong(
        "a million elements, the last of which is a text",
        document(tensor(shape=[MANY], data=[*[1] * (MANY - 1), "a"])),
        "element 999999 of 'data' is \"a\"",
    ),
    wrong("a number of a million digits", ONE.replace(b"1.5", b"9" * MANY), "Number too big"),
    wrong("two documents", ONE * 2, "must not be followed by other values"),
]
COMPRESSED: Final = [
    Row("a compressed body", zlib.compress(ONE), (("Content-Encoding", "deflate"),), 200, None),
    wrong(
        "a bomb", deflated(BOMB_BYTES), "limit inflated_bytes", ("Content-Encoding", "deflate"), status=413
    ),
    wrong("half a body", zlib.compress(ONE)[:-5], "not complete", ("Content-Encoding", "deflate")),
    wrong("what is not compressed", ONE, "not complete", ("Content-Encoding", "gzip")),
    wrong("a body and more", zlib.compress(ONE) + b"more", "4 bytes follow", ("Content-Encoding", "deflate")),
    wrong(
        "two encodings",
        zlib.compress(zlib.compress(ONE)),
        "not supported",
        *[("Content-Encoding", "deflate")] * 2,
        status=415,
    ),
    wrong("an encoding that is none", ONE, "not supported", ("Content-Encoding", "br"), status=415),
]
TABLE: Final = [*FRAMING, *SHAPES, *NAMES, *COSTLY, *COMPRESSED]

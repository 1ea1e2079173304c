"""Requests that are malformed, oversized, slow or odd, and what the server does with them.

A row is a script: bytes are sent, the rest is what its class says. `statuses` are the answers in order, 100
included. `stays_open` says whether the connection takes another request afterwards. `why` names the rule.
The rows assume the limits below; `docs/http-hostile-requests.md` shows what nginx and haproxy do with them.
"""

import enum
from typing import Final, NamedTuple

from dragoman.settings.limits import Limits

LIMITS: Final = Limits(
    header_timeout_s=2,
    body_bytes=1_000_000,
    body_timeout_s=8,
    body_bytes_per_s=100,
    body_grace_s=2,
    keep_alive_timeout_s=3,
    write_timeout_s=2,
)
BIG_BYTES: Final = 8_000_000  # what GET /big answers


class Pause(NamedTuple):
    """Let so many seconds pass."""

    seconds: float


class Act(enum.Enum):
    """What a client does besides sending."""

    END = "shut the writing side"
    READ_NOTHING = "stop reading until the script is over"


Step = bytes | Pause | Act


class Row(NamedTuple):
    """One line of the table."""

    name: str
    script: tuple[Step, ...]
    statuses: tuple[int, ...]
    stays_open: bool
    why: str


def head(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> bytes:
    """A head with a Host."""
    return b"\r\n".join((start, b"Host: x", *lines, b"", b""))


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """A POST with a Host; how its body is framed is up to the lines."""
    return head(*lines, start=b"POST / HTTP/1.1") + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    """A chunked POST."""
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


def drip(data: bytes, seconds: float) -> tuple[Step, ...]:
    """Byte after byte, each after a pause."""
    return tuple(step for byte in data for step in (bytes([byte]), Pause(seconds)))


def refused(name: str, data: bytes, status: int, why: str) -> Row:
    """A row whose one answer is an error that ends the connection."""
    return Row(name, (data,), (status,), False, why)


def served(name: str, data: bytes, why: str, *statuses: int) -> Row:
    """A row that is answered and leaves the connection open."""
    return Row(name, (data,), statuses or (200,), True, why)


GET: Final = head()
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
ENDING: Final = b"0\r\n\r\n"
TWO_FRAMINGS: Final = "RFC 9112 6.3: two framings are an attack; 6.1 allows to refuse them"
ONE_LENGTH: Final = "RFC 9112 6.3: an invalid Content-Length is unrecoverable"
ONLY_CHUNKED: Final = "RFC 9112 6.1: a coding that is not understood is 501"
FIELD_SYNTAX: Final = 'RFC 9112 5: field-line = name ":" OWS value OWS, ended by CRLF'
REQUEST_LINE: Final = "RFC 9112 3: method SP target SP version CRLF"
CHUNK_SYNTAX: Final = "RFC 9112 7.1: chunk-size is hexadecimal digits, every line ends in CRLF"
DEADLINE: Final = "a client that does not get on must not hold a connection"

FRAMING: Final = [
    refused(
        "Content-Length, then chunked", chunked(ENDING + SMUGGLED, b"Content-Length: 6"), 400, TWO_FRAMINGS
    ),
    refused(
        "chunked, then Content-Length",
        post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=ENDING + SMUGGLED),
        400,
        TWO_FRAMINGS,
    ),
    refused("two equal Content-Lengths", post(*[b"Content-Length: 5"] * 2, body=b"hello"), 400, ONE_LENGTH),
    refused(
        "two different Content-Lengths",
        post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello"),
        400,
        ONE_LENGTH,
    ),
    refused("a list of Content-Lengths", post(b"Content-Length: 5, 5", body=b"hello"), 400, ONE_LENGTH),
    refused("Content-Length with a plus", post(b"Content-Length: +5", body=b"hello"), 400, ONE_LENGTH),
    refused("negative Content-Length", post(b"Content-Length: -1", body=b"hello"), 400, ONE_LENGTH),
    refused("hexadecimal Content-Length", post(b"Content-Length: 0x5", body=b"hello"), 400, ONE_LENGTH),
    refused("Content-Length in two words", post(b"Content-Length: 1 2", body=b"hello"), 400, ONE_LENGTH),
    refused("empty Content-Length", post(b"Content-Length: ", body=b"hello"), 400, ONE_LENGTH),
    refused("Content-Length beyond 64 bits", post(b"Content-Length: " + b"9" * 30), 400, ONE_LENGTH),
    refused(
        "Content-Length beyond the limit", post(b"Content-Length: 1000001"), 413, "decided before reading"
    ),
    served("Content-Length with leading zeros", post(b"Content-Length: 0005", body=b"hello"), "1*DIGIT"),
    refused("transfer coding gzip", post(b"Transfer-Encoding: gzip", body=ENDING), 501, ONLY_CHUNKED),
    refused("gzip, then chunked", post(b"Transfer-Encoding: gzip, chunked", body=ENDING), 501, ONLY_CHUNKED),
    refused("transfer coding identity", post(b"Transfer-Encoding: identity", body=ENDING), 501, ONLY_CHUNKED),
    refused("transfer coding xchunked", post(b"Transfer-Encoding: xchunked", body=ENDING), 501, ONLY_CHUNKED),
    refused(
        "chunked, then something else",
        post(b"Transfer-Encoding: chunked, gzip", body=ENDING),
        400,
        "RFC 9112 6.1: chunked is the last coding",
    ),
    refused(
        "chunked twice",
        chunked(ENDING, b"Transfer-Encoding: chunked"),
        400,
        "RFC 9112 6.1: not more than once",
    ),
    refused(
        "chunked after a vertical tab",
        post(b"Transfer-Encoding: \x0bchunked", body=ENDING),
        400,
        FIELD_SYNTAX,
    ),
    refused(
        "chunked after a space before the colon",
        post(b"Transfer-Encoding : chunked", body=ENDING),
        400,
        FIELD_SYNTAX,
    ),
    refused(
        "chunked on a folded line", post(b"Transfer-Encoding:", b" chunked", body=ENDING), 400, FIELD_SYNTAX
    ),
    refused(
        "chunked in HTTP/1.0",
        head(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0") + ENDING,
        400,
        "RFC 9112 6.1: faulty framing",
    ),
    served("chunked in capitals", post(b"tRANSFER-eNCODING: CHUNKED", body=ENDING), "names know no case"),
    served(
        "a request in a body of length 0",
        post(b"Content-Length: 0", body=SMUGGLED),
        "it is the next request, for everyone",
        200,
        200,
    ),
]

HEADS: Final = [
    refused("folded header", head(b"A: b", b" c"), 400, FIELD_SYNTAX),
    refused("bare LF everywhere", GET.replace(b"\r\n", b"\n"), 400, FIELD_SYNTAX),
    refused("bare LF after one header", b"GET / HTTP/1.1\r\nA: b\nHost: x\r\n\r\n", 400, FIELD_SYNTAX),
    refused("bare CR in a value", head(b"A: b\rc"), 400, FIELD_SYNTAX),
    refused("space before the colon", head(b"A : b"), 400, FIELD_SYNTAX),
    refused("space before the first header", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, FIELD_SYNTAX),
    refused("header without a colon", head(b"nonsense"), 400, FIELD_SYNTAX),
    refused("header without a name", head(b": b"), 400, FIELD_SYNTAX),
    refused("NUL in a header's name", head(b"A\0B: c"), 400, FIELD_SYNTAX),
    refused("NUL in a header's value", head(b"A: b\0c"), 400, FIELD_SYNTAX),
    refused("control code in a value", head(b"A: b\x01c"), 400, FIELD_SYNTAX),
    refused("letter beyond ASCII in a name", head(b"\xe4: b"), 400, FIELD_SYNTAX),
    served("letter beyond ASCII in a value", head(b"A: \xe4"), "RFC 9110 5.5: obs-text"),
    served("underscore in a name", head(b"Content_Length: 5"), "a name like another"),
    refused("no Host", b"GET / HTTP/1.1\r\n\r\n", 400, "RFC 9112 3.2"),
    refused("two Hosts", head(b"Host: y"), 400, "RFC 9112 3.2"),
    refused("Host that is none", b"GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n", 400, "RFC 9112 3.2"),
    Row("HTTP/1.0 without Host", (b"GET / HTTP/1.0\r\n\r\n",), (200,), False, "1.0 knows none, and closes"),
    refused("header of 2 MB", head(b"A: " + b"b" * 2_000_000), 431, "the limit of a head is 64 KiB"),
    refused("10,000 headers", head(*[b"A: b"] * 10_000), 431, "the limit of a head is 100 headers"),
    refused("101 short headers", head(*[b"A: b"] * 100), 431, "the limit of a head is 100 headers"),
    refused("target of 100 KB", head(start=b"GET /" + b"a" * 100_000 + b" HTTP/1.1"), 414, "RFC 9112 3"),
]

REQUEST_LINES: Final = [
    refused("NUL in the target", head(start=b"GET /\0 HTTP/1.1"), 400, REQUEST_LINE),
    refused("letter beyond ASCII in the target", head(start=b"GET /\xe4 HTTP/1.1"), 400, REQUEST_LINE),
    refused("space in the target", head(start=b"GET /a b HTTP/1.1"), 400, REQUEST_LINE),
    refused(
        "fragment in the target", head(start=b"GET /a#b HTTP/1.1"), 400, "RFC 9112 3.2: a target has none"
    ),
    served(
        "whole URL as the target", head(start=b"GET http://x/a HTTP/1.1"), "RFC 9112 3.2.2: must be accepted"
    ),
    refused("target without a slash", head(start=b"GET a HTTP/1.1"), 400, REQUEST_LINE),
    refused("method in small letters", head(start=b"get / HTTP/1.1"), 400, "methods know case"),
    refused("method that is none", head(start=b"G@T / HTTP/1.1"), 400, REQUEST_LINE),
    refused("CONNECT", head(start=b"CONNECT x:80 HTTP/1.1"), 501, "no proxy"),
    refused("HTTP/0.9", b"GET /\r\n\r\n", 505, "only 1.0 and 1.1"),
    refused("HTTP/1.2", head(start=b"GET / HTTP/1.2"), 505, "only 1.0 and 1.1"),
    refused("HTTP/2.0", head(start=b"GET / HTTP/2.0"), 505, "only 1.0 and 1.1"),
    refused("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "only 1.0 and 1.1"),
    refused("another protocol's version", head(start=b"GET / RTSP/1.0"), 400, REQUEST_LINE),
    refused("version in small letters", head(start=b"GET / http/1.1"), 400, REQUEST_LINE),
    refused("space after the version", head(start=b"GET / HTTP/1.1 "), 400, REQUEST_LINE),
    refused(
        "TLS to a port without",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
        400,
        REQUEST_LINE,
    ),
    served("one empty line before a request", b"\r\n" + GET, "RFC 9112 2.2: should be ignored"),
    refused("many empty lines before a request", b"\r\n\r\n" + GET, 400, "one is enough"),
]

CHUNKS: Final = [
    served("chunked", chunked(b"5\r\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1"),
    served(
        "chunk extensions and trailers", chunked(b'5;a="b"\r\nhello\r\n0;c\r\nD: e\r\n\r\n'), "RFC 9112 7.1"
    ),
    served(
        "request after a chunked one",
        chunked(b"1\r\n.\r\n" + ENDING + GET),
        "each ends where it ends",
        200,
        200,
    ),
    refused("chunk size that is none", chunked(b"xyz\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("empty chunk size", chunked(b"\r\nhello\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("negative chunk size", chunked(b"-5\r\nhello\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("chunk size with 0x", chunked(b"0x5\r\nhello\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("chunk size beyond 64 bits", chunked(b"1" + b"0" * 16 + b"\r\n"), 400, CHUNK_SYNTAX),
    refused("chunk size beyond the limit", chunked(b"ffffffffffffffff\r\n"), 413, "before it is read"),
    refused("space after a chunk size", chunked(b"5 \r\nhello\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("bare LF after a chunk size", chunked(b"5\nhello\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("chunk longer than its size", chunked(b"5\r\nhello!\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused("bare LF after a chunk", chunked(b"5\r\nhello\n0\r\n\r\n"), 400, CHUNK_SYNTAX),
    refused("NUL in a chunk extension", chunked(b"5;a\0\r\nhello\r\n" + ENDING), 400, CHUNK_SYNTAX),
    refused(
        "chunk extension of 5,000 bytes",
        chunked(b"5;" + b"a" * 5000 + b"\r\nhello\r\n" + ENDING),
        400,
        "4 KiB a line",
    ),
    refused(
        "flood of chunk extensions",
        chunked((b"1;" + b"a" * 1000 + b"\r\n.\r\n") * 100 + ENDING),
        400,
        "16 KiB a body: reading them costs more than they carry",
    ),
    refused("1,000 trailers", chunked(b"0\r\n" + b"A: b\r\n" * 1000 + b"\r\n"), 431, "as for headers"),
    refused("folded trailer", chunked(b"0\r\nA: b\r\n c\r\n\r\n"), 400, FIELD_SYNTAX),
    refused(
        "chunks that add up beyond the limit",
        chunked((b"30d40\r\n" + b"." * 200_000 + b"\r\n") * 6 + ENDING),
        413,
        "while they are read",
    ),
]

EXPECTATIONS: Final = [
    Row(
        "Expect: 100-continue",
        (post(b"Content-Length: 5", b"Expect: 100-continue"), Pause(0.1), b"hello"),
        (100, 200),
        True,
        "RFC 9110 10.1.1",
    ),
    refused(
        "100-continue with too large a body",
        post(b"Content-Length: 1000001", b"Expect: 100-continue"),
        413,
        "the body need not be sent",
    ),
    refused(
        "another expectation",
        post(b"Content-Length: 5", b"Expect: more", body=b"hello"),
        417,
        "RFC 9110 10.1.1",
    ),
    Row(
        "Expect in HTTP/1.0",
        (head(b"Content-Length: 5", b"Expect: 100-continue", start=b"POST / HTTP/1.0"), Pause(0.1), b"hello"),
        (200,),
        False,
        "RFC 9110 10.1.1: ignored",
    ),
    served(
        "upgrade to h2c",
        head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"),
        "RFC 9110 7.8: ignored",
    ),
    served(
        "upgrade to h2c, with a body, and a request after it",
        post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 5", body=b"hello" + GET),
        "what Java's client sends",
        200,
        200,
    ),
    served(
        "upgrade to websocket",
        head(b"Connection: Upgrade", b"Upgrade: websocket"),
        "RFC 9110 7.8: may be ignored",
    ),
]

PIPELINES: Final = [
    served(
        "three requests at once",
        GET + post(b"Content-Length: 5", body=b"hello") + GET,
        "in order",
        *[200] * 3,
    ),
    served("200 requests at once", GET * 200, "in turns of 16", *[200] * 200),
    Row(
        "good request, then nonsense",
        (GET + b"nonsense\r\n\r\n",),
        (200, 400),
        False,
        "what is good is answered",
    ),
    Row(
        "request after Connection: close",
        (head(b"Connection: close") + GET,),
        (200,),
        False,
        "RFC 9112 9.6: the last",
    ),
    Row("HEAD, then GET", (head(start=b"HEAD / HTTP/1.1") + GET,), (200, 200), True, "HEAD has no body"),
    Row("request, then half-close", (GET, Act.END), (200,), False, "the answer is still wanted"),
    Row("pipeline, then half-close", (GET * 40, Act.END), (200,) * 40, False, "the answers are still wanted"),
    Row("half a head, then half-close", (GET[:-5], Act.END), (400,), False, "RFC 9112 8: incomplete"),
    Row(
        "half a body, then half-close",
        (post(b"Content-Length: 5", body=b"he"), Act.END),
        (400,),
        False,
        "RFC 9112 8: incomplete",
    ),
    Row("one byte at a time", tuple(bytes([byte]) for byte in GET), (200,), True, "TCP has no messages"),
]

SLOW: Final = [
    Row("nothing at all", (Pause(5.5),), (), False, "idle too long: closed without a word"),
    Row("nothing after a request", (GET, Pause(5.5)), (200,), False, "idle too long: closed without a word"),
    Row("half a head", (GET[:-5], Pause(4.5)), (408,), False, DEADLINE),
    Row("dripping head", (GET[:-2], *drip(b"A: bcdefgh", 0.5)), (408,), False, DEADLINE),
    Row("no body", (post(b"Content-Length: 5"), Pause(4.5)), (408,), False, DEADLINE),
    Row(
        "dripping body",
        (post(b"Content-Length: 100"), *drip(b"." * 12, 0.5)),
        (408,),
        False,
        "each byte in time, and yet too slow",
    ),
    Row(
        "dripping chunks",
        (chunked(b""), *drip(b"1\r\n.\r\n" * 2, 0.5)),
        (408,),
        False,
        "each byte in time, and yet too slow",
    ),
    Row(
        "reader that takes nothing",
        (Act.READ_NOTHING, head(start=b"GET /big HTTP/1.1") * 4, Pause(4.5), Pause(4.5)),
        (),
        False,
        "a stalled reader must not hold its answers for ever",
    ),
]

TABLE: Final = [*FRAMING, *HEADS, *REQUEST_LINES, *CHUNKS, *EXPECTATIONS, *PIPELINES, *SLOW]

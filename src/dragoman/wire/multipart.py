"""`multipart/form-data` bodies as named parts."""

from typing import Final

from multipart import MultipartError, ParserLimitReached, PushMultipartParser

from dragoman.core.errors import invalid
from dragoman.core.requests import PayloadPart

MAX_PARTS: Final = 1024  # Netty, which reads forms for TorchServe: 128 fields
MAX_HEADERS: Final = 32  # of one part; clients send two or three
MAX_HEADER_BYTES: Final = 16 * 1024
OCTETS: Final = "application/octet-stream"  # of a file that does not say what it is


def read_multipart(body: bytes | bytearray, boundary: str) -> list[PayloadPart]:
    """Every part in its order. One without a file name has no type, whatever it says, as in TorchServe.

    What is no such part ends the body, as TorchServe's handlers see it: they get those that came whole.
    Errors: INVALID_ARGUMENT for more or larger headers or parts than the limits.
    """
    parts: list[PayloadPart] = []
    name, kind = "", None
    pieces: list[bytes | bytearray] = []
    try:
        parser = PushMultipartParser(
            boundary,
            max_header_size=MAX_HEADER_BYTES,
            max_header_count=MAX_HEADERS,
            max_segment_count=MAX_PARTS,
        )
        with parser:
            for event in parser.parse(body):
                if event is None:
                    parts.append(PayloadPart(name, b"".join(pieces), kind))
                elif isinstance(event, bytes | bytearray):
                    pieces.append(event)
                else:
                    name, pieces = event.name, []
                    kind = (
                        None if event.filename is None else media_type(event.header("Content-Type")) or OCTETS
                    )
    except ParserLimitReached as error:
        raise invalid(f"the multipart body goes beyond a limit: {error}") from None
    except MultipartError:
        return parts
    return parts


def media_type(text: str | None) -> str | None:
    """A content type without its parameters, spelt as it was sent; None = there is none."""
    return text.partition(";")[0].strip() or None if text is not None else None

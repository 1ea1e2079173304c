"""Header fields that every connection knows from the start (RFC 7541, appendix A)."""

from typing import Final

Field = tuple[bytes, bytes]

VALUED: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (":authority", ("",)),
    (":method", ("GET", "POST")),
    (":path", ("/", "/index.html")),
    (":scheme", ("http", "https")),
    (":status", ("200", "204", "206", "304", "400", "404", "500")),
    ("accept-charset", ("",)),
    ("accept-encoding", ("gzip, deflate",)),
)
UNVALUED: Final = (
    "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control "
    "content-disposition content-encoding content-language content-length content-location content-range "
    "content-type cookie date etag expect expires from host if-match if-modified-since if-none-match "
    "if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate "
    "proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security "
    "transfer-encoding user-agent vary via www-authenticate"
)
# From 1 on; there is no 0.
STATIC: Final[tuple[Field, ...]] = (
    (b"", b""),
    *((name.encode(), value.encode()) for name, values in VALUED for value in values),
    *((name.encode(), b"") for name in UNVALUED.split()),
)

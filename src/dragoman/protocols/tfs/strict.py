"""What only TensorFlow Serving's own dialect answers: paths that it does not know, and OPTIONS."""

from typing import Final

from dragoman.core.status import StatusReport
from dragoman.protocols.tfs.errors import malformed
from dragoman.wire.http_errors import answer_error
from dragoman.wire.messages import WireRequest, WireResponse

NO_PAGE: Final = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"
WEB_ORIGINS: Final = (b"http://", b"https://")


def answer_malformed(wire: WireRequest, _: StatusReport) -> WireResponse:
    """Anything under /v1/ that fits no route is malformed, whatever the method."""
    return answer_error(malformed(wire))


def answer_no_page(_: WireRequest, __: StatusReport) -> WireResponse:
    """Outside /v1/ the reference's HTTP library answers, with a page instead of JSON."""
    return WireResponse(404, NO_PAGE, content_type=b"text/html")


def answer_options(wire: WireRequest, _: StatusReport) -> WireResponse:
    """200 for a web page's request, 400 for any other; without a body."""
    origin = wire.header(b"origin") or b""
    return WireResponse(200 if any(scheme in origin for scheme in WEB_ORIGINS) else 400)

"""What a status that a handler chose means: handlers speak HTTP."""

from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code

# TorchServe 0.12, frontend/server, GRPCJob; 503 is its number for a handler that failed, whatever the cause.
CODES: Final[Mapping[int, Code]] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ALREADY_EXISTS,
    413: Code.TOO_LARGE,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    501: Code.UNIMPLEMENTED,
    504: Code.DEADLINE_EXCEEDED,
    507: Code.RESOURCE_EXHAUSTED,
}
REQUEST_ERRORS: Final = range(400, 500)


def code_of(status: int) -> Code:
    """The code for a status that is no success."""
    found = CODES.get(status)
    if found is not None:
        return found
    return Code.FAILED_PRECONDITION if status in REQUEST_ERRORS else Code.INTERNAL

"""Everything that a call raises.

Exception
 +-- ModelServerError           the server answered that it could not
 |    +-- ModelNotFoundError    there is no such model or version
 |    +-- InvalidInputError     the model does not take such inputs
 |    +-- BadResponseError      the answer is not what the protocol says
 +-- ConnectionError            no server is there, or none that is available; Python's own, as the rest
 +-- TimeoutError               the time that the call was given is over
 +-- TypeError, ValueError      an argument is of a wrong type, or has a value that cannot be
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from dragoman.client.errors import BadAnswer, ClientError, InvalidInput, ServerError, TimedOut


class ModelServerError(Exception):
    """The server answered that it could not."""


class ModelNotFoundError(ModelServerError):
    """There is no such model, or no such version of it."""


class InvalidInputError(ModelServerError):
    """The model does not take such inputs."""


class BadResponseError(ModelServerError):
    """The answer is not what the protocol says."""


Statuses = Mapping[int, type[Exception]]

# What the statuses mean; others are ModelServerError over HTTP, and ConnectionError over gRPC.
HTTP: Final[Statuses] = {
    HTTPStatus.BAD_REQUEST: InvalidInputError,
    HTTPStatus.NOT_FOUND: ModelNotFoundError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ConnectionError,
    HTTPStatus.SERVICE_UNAVAILABLE: ConnectionError,
}
GRPC: Final[Statuses] = {3: InvalidInputError, 4: TimeoutError, 5: ModelNotFoundError}  # gRPC's own numbers

OCCURRED: Final = "Error occurred during handling the request: "
MALFORMED: Final = "Received response is malformed and could not be parsed. Details: "
TOO_LATE: Final = "Request handling exceeded timeout"


def raised(error: ClientError, statuses: Statuses, other: type[Exception]) -> Exception:
    """What a call raises for an error; `other` is for statuses that are not listed."""
    match error:
        case InvalidInput():
            return ValueError(error.message)
        case BadAnswer():
            return BadResponseError(MALFORMED + error.message)
        case TimedOut():
            return TimeoutError(OCCURRED + TOO_LATE)
        case ServerError():
            kind = statuses.get(error.status, other)
            return kind(OCCURRED + (TOO_LATE if kind is TimeoutError else error.message))
    return ConnectionError(OCCURRED + error.message)

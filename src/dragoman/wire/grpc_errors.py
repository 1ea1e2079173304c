"""Failures as gRPC's own numbers, which are tensorflow.error.Code's as well."""

from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code

GRPC_STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 3,
    Code.UNAUTHENTICATED: 16,
    Code.PERMISSION_DENIED: 7,
    Code.NOT_FOUND: 5,
    Code.ALREADY_EXISTS: 6,
    Code.FAILED_PRECONDITION: 9,
    Code.RESOURCE_EXHAUSTED: 8,
    Code.TOO_LARGE: 8,  # what gRPC itself answers to a message beyond its limit
    Code.CANCELLED: 1,
    Code.DEADLINE_EXCEEDED: 4,
    Code.UNIMPLEMENTED: 12,
    Code.UNAVAILABLE: 14,
    Code.INTERNAL: 13,
}

"""Which of TorchServe's keys a request needs, and whether it has that."""

from collections.abc import Set

from dragoman.core.access import Permission
from dragoman.security.tokens import Tokens, Use
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import ControlOperation, Operation, StatusOperation

AUTHORIZATION = b"authorization"


class Gate:
    """Stands before every operation of a listener. `open_names` = those of operations that need no key."""

    def __init__(self, tokens: Tokens, open_names: Set[str]) -> None:
        self._tokens = tokens
        self._open_names = open_names

    def admit(self, operation: Operation, wire: WireRequest) -> bool:
        """Whether the caller has shown a key; no key is needed for metrics, descriptions and renewing one.

        Errors: UNAUTHENTICATED.
        """
        measures = isinstance(operation, StatusOperation) and operation.permission is Permission.METRICS
        if measures or operation.name in self._open_names:
            return False
        self._tokens.check(use_of(operation), authorization(wire))
        return True


def use_of(operation: Operation) -> Use:
    """Whether this is management or inference."""
    manages = isinstance(operation, ControlOperation) or "management" in operation.name
    return Use.MANAGEMENT if manages else Use.INFERENCE


def authorization(wire: WireRequest) -> str | None:
    """The header that keys come in."""
    found = wire.header(AUTHORIZATION)
    return None if found is None else found.decode("latin-1")

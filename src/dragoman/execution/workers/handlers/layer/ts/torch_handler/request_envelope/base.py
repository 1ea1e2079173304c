"""What every service envelope does."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any


class BaseEnvelope(ABC):
    """Opens the bodies of a batch before a handler gets it, and closes what the handler returns."""

    def __init__(self, handle_fn: Callable[[Any, Any], Any]) -> None:
        self._handle_fn = handle_fn
        self.context: Any = None

    def handle(self, data: Any, context: Any) -> Any:
        """What the handler returns, closed; nothing is opened or closed where there is nothing."""
        self.context = context
        if data:
            data = self.parse_input(data)
        results = self._handle_fn(data, context)
        return self.format_output(results) if results else results

    @abstractmethod
    def parse_input(self, data: Any) -> Any:
        """What the handler gets."""

    @abstractmethod
    def format_output(self, data: Any) -> Any:
        """What is sent."""

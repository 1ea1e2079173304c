"""The envelope `body`."""

from typing import Any

from ts.torch_handler.request_envelope.base import BaseEnvelope


class BodyEnvelope(BaseEnvelope):
    """The handler gets the bodies, without their names."""

    def parse_input(self, data: list[dict[str, Any]]) -> list[Any]:
        """The part `data` or `body` of each request."""
        return [row.get("data") or row.get("body") for row in data]

    def format_output(self, data: Any) -> Any:
        """The results as they are."""
        return data

"""The envelope `kserve`: bodies of KServe's V1 protocol."""

import json
from typing import Any

from ts.torch_handler.request_envelope.base import BaseEnvelope


class KServeEnvelope(BaseEnvelope):
    """The handler gets the instances of the first request, so a batch may hold no other."""

    def parse_input(self, data: list[dict[str, Any]]) -> Any:
        """The instances.

        Errors: KeyError where there are none.
        """
        body: Any = data[0].get("data") or data[0].get("body")
        if isinstance(body, bytes | bytearray):
            body = json.loads(body)
        return body["instances"]

    def format_output(self, data: Any) -> list[dict[str, Any]]:
        """Predictions, or explanations where the request asks for them."""
        explain = self.context is not None and self.context.get_request_header(0, "explain") == "True"
        return [{"explanations" if explain else "predictions": data}]

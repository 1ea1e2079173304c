"""The handler `vllm_handler`, which is not supported."""

from typing import Any

from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.unsupported import refuse


class VLLMHandler(BaseHandler):
    """Can be derived from; its `initialize` refuses."""

    def initialize(self, context: Any) -> None:
        """Refuse.

        Errors: NotImplementedError.
        """
        refuse("VLLMHandler", "its engine is not run by handlers here")

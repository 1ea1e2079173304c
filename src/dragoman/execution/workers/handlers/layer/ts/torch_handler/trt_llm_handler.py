"""The handler `trt_llm_handler`, which is not supported."""

from typing import Any

from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.unsupported import refuse


class TRTLLMHandler(BaseHandler):
    """Can be derived from; its `initialize` refuses."""

    def initialize(self, context: Any) -> None:
        """Refuse.

        Errors: NotImplementedError.
        """
        refuse("TRTLLMHandler", "its engine is not among those of this server")

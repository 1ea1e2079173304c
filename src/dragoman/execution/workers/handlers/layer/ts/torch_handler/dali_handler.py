"""The handler `dali_handler`, which is not supported."""

from typing import Any

from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.unsupported import refuse


class DALIHandler(BaseHandler):
    """Can be derived from; its `initialize` refuses."""

    def initialize(self, context: Any) -> None:
        """Refuse.

        Errors: NotImplementedError.
        """
        refuse("DALIHandler", "preprocess images in a VisionHandler")

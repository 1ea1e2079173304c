"""Models split over processes by DeepSpeed, which is not supported."""

from abc import ABC
from typing import Any

from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.unsupported import refuse


class BaseDeepSpeedHandler(BaseHandler, ABC):
    """Can be derived from; its `initialize` refuses."""

    def initialize(self, context: Any) -> None:
        """Refuse.

        Errors: NotImplementedError.
        """
        refuse("BaseDeepSpeedHandler", "a worker here runs a model in one process")

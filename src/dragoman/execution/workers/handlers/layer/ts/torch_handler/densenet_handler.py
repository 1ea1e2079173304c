"""The handler `densenet_handler`: tensors in, tensors out."""

import io
import time
from typing import Any

from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException


class DenseNetHandler:
    """Takes tensors as `torch.save` writes them."""

    def __init__(self) -> None:
        self.model: Any = None
        self.device: Any = None
        self.initialized = False
        self.context: Any = None
        self.manifest: Any = None
        self.map_location: Any = None

    def initialize(self, context: Any) -> None:
        """Load the model as `BaseHandler` does."""
        loader = BaseHandler()
        loader.initialize(context)
        self.manifest = loader.manifest
        self.map_location = loader.map_location
        self.device = loader.device
        self.model = loader.model
        self.initialized = True

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """The model's output."""
        import torch

        with torch.no_grad():
            return self.model(data.to(self.device), *args, **kwargs)

    def handle(self, data: Any, context: Any) -> list[Any]:
        """The output for the stacked tensors, as one result."""
        import torch

        started_s = time.perf_counter()
        self.context = context
        output = self.inference(torch.stack([tensor(row.get("data") or row.get("body")) for row in data]))
        duration_ms = round((time.perf_counter() - started_s) * 1000, 2)
        context.metrics.add_time("HandlerTime", duration_ms, None, "ms")
        return [output]


def tensor(data: Any) -> Any:
    """The tensor in a client's bytes, which may hold no other object.

    Errors: PredictionException 400.
    """
    import torch

    try:
        return torch.load(io.BytesIO(data), weights_only=True)
    except Exception as error:
        raise PredictionException("the body is no tensor as torch.save writes them", 400) from error

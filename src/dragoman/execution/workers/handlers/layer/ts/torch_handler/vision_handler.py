"""The handler that handlers of images derive from."""

import base64
import binascii
import io
from abc import ABC
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Any

from ts.handler_utils.timer import timed
from ts.torch_handler.attributions import attribute, captum, chosen
from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.image_processing import imagenet
from ts.utils.util import PredictionException


class VisionHandler(BaseHandler, ABC):
    """Takes images as they are in files, as base64 of such, or as nested lists of numbers."""

    image_processing: Callable[[Any], Any] = imagenet()

    def initialize(self, context: Any) -> None:
        """Load the model, and lift Pillow's limit on pixels where the server says so."""
        super().initialize(context)
        chosen(self.model_yaml_config)
        if not context.system_properties.get("limit_max_image_pixels"):
            from PIL import Image

            Image.MAX_IMAGE_PIXELS = None

    @cached_property
    def ig(self) -> Any:
        """Captum's integrated gradients of the model."""
        return captum().IntegratedGradients(self.model)

    def handle(self, data: Any, context: Any) -> Any:
        """A result for each request: a list of them where it has several images."""
        rows, counts = one_by_one(data)
        results = super().handle(rows, context)
        # What is no result of each image goes on as it is, for the server to refuse.
        as_it_is = not isinstance(results, list) or len(results) != len(rows)
        return results if as_it_is else regrouped(results, counts)

    @timed
    def preprocess(self, data: Any) -> Any:
        """One image of each row, stacked.

        Errors: PredictionException 400 for a request whose image cannot be read.
        """
        import torch

        images = [self._tensor(row.get("data") or row.get("body")) for row in data]
        return torch.stack(images).to(self.device)

    def _tensor(self, image: Any) -> Any:
        import torch

        if isinstance(image, str):
            try:
                image = base64.b64decode(image)
            except (binascii.Error, ValueError):
                raise PredictionException("the image is text, but not base64", 400) from None
        if isinstance(image, bytes | bytearray):
            return self.image_processing(opened(image))
        if image is None:
            raise PredictionException("the request has no image: neither a part data nor a body", 400)
        return torch.FloatTensor(image)

    def get_insights(self, tensor_data: Any, _: Any, target: Any = 0) -> Any:
        """How much each value of the images adds to the score of the target."""
        return attribute(self, tensor_data, target).tolist()


def one_by_one(data: list[Any]) -> tuple[list[Any], list[int | None]]:
    """A row for each image, and how many images a request has; None = it is no list of them."""
    rows: list[Any] = []
    counts: list[int | None] = []
    for row in data:
        images = images_of(row)
        counts.append(None if images is None else len(images))
        rows += [row] if images is None else [{**row, "data": image} for image in images]
    return rows, counts


def images_of(row: Any) -> list[Any] | None:
    """The images of a form that has several parts of one name; None = it is no such form."""
    given = (row.get("data") or row.get("body")) if isinstance(row, dict) else None
    if isinstance(given, list) and given and all(isinstance(one, bytes | bytearray | str) for one in given):
        return given
    return None


def regrouped(results: list[Any], counts: list[int | None]) -> list[Any]:
    """The results of each request, of those of each image."""
    following = iter(results)
    return [next(following) if count is None else list(islice(following, count)) for count in counts]


def opened(data: bytes | bytearray) -> Any:
    """The image in a file's bytes.

    Errors: PredictionException 400.
    """
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PredictionException(f"the image cannot be read: {type(error).__name__}", 400) from error
    return image

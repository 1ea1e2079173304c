"""The handler `image_segmenter`."""

from typing import Any

from ts.torch_handler.vision_handler import VisionHandler


class ImageSegmenter(VisionHandler):
    """Answers with the likeliest class of each pixel and its probability."""

    def postprocess(self, data: Any) -> Any:
        """Nested lists (height, width, 2) per image, of `out` of the model's output."""
        import torch

        probabilities = torch.nn.functional.softmax(data["out"], dim=1)
        best, classes = torch.max(probabilities, dim=1)
        return torch.stack([classes.type(best.dtype), best], dim=3).tolist()

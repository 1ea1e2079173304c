"""The handler `object_detector`."""

from collections.abc import Callable
from typing import Any

from ts.torch_handler.image_processing import ImageTransform
from ts.torch_handler.vision_handler import VisionHandler
from ts.utils.util import map_class_to_label


class ObjectDetector(VisionHandler):
    """Answers with the labels, boxes and scores of what is seen in an image."""

    image_processing: Callable[[Any], Any] = ImageTransform()
    threshold = 0.5

    def postprocess(self, data: Any) -> list[list[dict[str, Any]]]:
        """For each image {label: [x1, y1, x2, y2], "score": score} of what reaches the threshold."""
        return [self._objects(image) for image in data]

    def _objects(self, image: Any) -> list[dict[str, Any]]:
        certain = image["scores"] >= self.threshold
        kept = [image[key][certain].tolist() for key in ("boxes", "labels", "scores")]
        return [
            {**map_class_to_label([[box]], self.mapping, [[label]])[0], "score": score}
            for box, label, score in zip(*kept, strict=True)
        ]

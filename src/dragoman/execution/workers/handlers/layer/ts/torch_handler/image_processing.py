"""Images as tensors, as torchvision's transforms of the same names make them, to the last bit."""

from collections.abc import Callable, Sequence
from typing import Any

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ImageTransform:
    """Resizes the shorter side, cuts out the centre, scales to 0..1, and normalizes; each where it is given.

    Where it normalizes three channels, an image of other colours, which torchvision refuses, is made RGB.
    """

    def __init__(
        self,
        resize: int | None = None,
        crop: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        self.resize = resize
        self.crop = crop
        self.mean = mean
        self.std = std

    def __call__(self, image: Any) -> Any:
        """A tensor (channels, height, width) of float32."""
        if self.mean is not None and len(self.mean) == 3 and image.mode != "RGB":
            image = image.convert("RGB")
        if self.resize is not None:
            image = resized(image, self.resize)
        if self.crop is not None:
            image = centre(image, self.crop)
        tensor = to_tensor(image)
        return tensor if self.mean is None else normalized(tensor, self.mean, self.std or (1.0,))


def imagenet() -> Callable[[Any], Any]:
    """What models that were trained on ImageNet take."""
    return ImageTransform(256, 224, IMAGENET_MEAN, IMAGENET_STD)


def resized(image: Any, size: int) -> Any:
    """The image with its shorter side of this size, bilinear, and the other one rounded down."""
    from PIL import Image

    width, height = image.size
    shorter = min(width, height)
    wanted = (int(size * width / shorter), int(size * height / shorter))
    return image if wanted == image.size else image.resize(wanted, Image.Resampling.BILINEAR)


def centre(image: Any, size: int) -> Any:
    """A square out of the middle; beyond the edges of a smaller image it is black."""
    width, height = image.size
    left, top = max(size - width, 0) // 2, max(size - height, 0) // 2
    if left or top or size > min(width, height):
        wide, high = max(width, size), max(height, size)
        image = image.crop((-left, -top, wide - left, high - top))
        width, height = wide, high
    left, top = round((width - size) / 2.0), round((height - size) / 2.0)
    return image.crop((left, top, left + size, top + size))


def to_tensor(image: Any) -> Any:
    """Bytes as 0..1; whole numbers and floats, which wider images have, as they are."""
    import numpy as np
    import torch

    wide = {"I": np.int32, "I;16": np.int16, "F": np.float32}.get(image.mode)
    array = np.array(image, wide or np.uint8, copy=True)
    if image.mode == "1":
        array = 255 * array
    channels = len(image.getbands())
    tensor = torch.from_numpy(array.reshape(image.size[1], image.size[0], channels))
    tensor = tensor.permute(2, 0, 1).contiguous()
    return tensor if wide is not None else tensor.to(torch.float32).div(255)


def normalized(tensor: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Each channel less its mean, through its deviation."""
    import torch

    means = torch.tensor(mean, dtype=tensor.dtype).view(-1, 1, 1)
    deviations = torch.tensor(std, dtype=tensor.dtype).view(-1, 1, 1)
    return (tensor - means) / deviations

"""Explanations by Captum: which values of an input a score comes from.

`explanation` in model-config.yaml chooses how: `method`, and what that one takes. `steps` is for
integrated_gradients, `patch` (the side of a square of pixels, else a fourteenth of the image) for occlusion
and feature_ablation, `layer` (a dotted name in the model, else its last convolution) for layer_gradcam.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ts.utils.util import PredictionException

USUAL = "integrated_gradients"
STEPS = 15  # as many as TorchServe takes
GRID = 14  # squares along a side of an image


def captum() -> Any:
    """Captum's methods.

    Errors: PredictionException 501 where it is not installed.
    """
    try:
        from captum import attr
    except ImportError as error:
        message = "explanations need captum, which is not installed: pip install captum"
        raise PredictionException(message, 501) from error
    return attr


def target_class(target: Any) -> Any:
    """The class that a request names; a part of a form comes as text or bytes.

    Errors: PredictionException 400 for one that is no number.
    """
    if not isinstance(target, str | bytes | bytearray):
        return target
    try:
        return int(target)
    except ValueError:
        raise PredictionException("target has to be the number of a class", 400) from None


def chosen(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """`explanation` of model-config.yaml.

    Errors: ValueError for a method that there is not.
    """
    options: Mapping[str, Any] = config.get("explanation") or {}
    method = options.get("method", USUAL)
    if method not in METHODS:
        raise ValueError(f"explanation.method {method} is none of {', '.join(METHODS)}")
    return options


def attribute(handler: Any, inputs: Any, target: Any) -> Any:
    """A tensor that says of each value of the inputs, or of each place of an image, what it adds.

    Errors: PredictionException 400 for a target that is no class, 501 without Captum.
    """
    options = chosen(getattr(handler, "model_yaml_config", None) or {})
    method = METHODS[options.get("method", USUAL)]
    number = target_class(target)
    try:
        return method(handler, inputs, number, options)
    except (AssertionError, IndexError) as error:  # what Captum and torch make of it
        raise PredictionException(f"target {number} is no class of this model", 400) from error


def integrated_gradients(handler: Any, inputs: Any, target: Any, options: Mapping[str, Any]) -> Any:
    """From a black image to this one."""
    return handler.ig.attribute(inputs, target=target, n_steps=options.get("steps", STEPS))


def saliency(handler: Any, inputs: Any, target: Any, _: Mapping[str, Any]) -> Any:
    """The size of the gradients."""
    return captum().Saliency(handler.model).attribute(inputs.clone().requires_grad_(), target=target)


def occlusion(handler: Any, inputs: Any, target: Any, options: Mapping[str, Any]) -> Any:
    """The change where a square of every channel is covered."""
    window = block(inputs.shape[1:], options.get("patch"))
    method = captum().Occlusion(handler.model)
    return method.attribute(inputs, target=target, sliding_window_shapes=window, strides=window)


def feature_ablation(handler: Any, inputs: Any, target: Any, options: Mapping[str, Any]) -> Any:
    """The change where a square of every channel, or a value of what is no image, is taken away."""
    import torch

    window = block(inputs.shape[1:], options.get("patch"))
    places = [torch.arange(size) // step for size, step in zip(inputs.shape[1:], window, strict=True)]
    mask = torch.zeros(inputs.shape[1:], dtype=torch.long)
    for dimension, place in enumerate(places):
        shape = [-1 if other == dimension else 1 for other in range(len(places))]
        mask = mask * int(place[-1] + 1) + place.view(shape)
    method = captum().FeatureAblation(handler.model)
    return method.attribute(inputs, target=target, feature_mask=mask.unsqueeze(0).to(inputs.device))


def layer_gradcam(handler: Any, inputs: Any, target: Any, options: Mapping[str, Any]) -> Any:
    """What a layer sees of each place, spread over the image."""
    attr = captum()
    layer = named_layer(handler.model, options.get("layer"))
    coarse = attr.LayerGradCam(handler.model, layer).attribute(inputs, target=target)
    return attr.LayerAttribution.interpolate(coarse, tuple(inputs.shape[2:]))


def block(shape: Any, patch: int | None) -> tuple[int, ...]:
    """The part of an input that is changed at once: every channel of a square of an image, else one value."""
    if len(shape) != 3:
        return (1,) * len(shape)
    channels, height, width = shape
    side = patch or max(1, -(-min(height, width) // GRID))
    return (channels, min(side, height), min(side, width))


def named_layer(model: Any, name: str | None) -> Any:
    """The layer of this name, else the last convolution.

    Errors: PredictionException 501 where there is none.
    """
    import torch

    if name is not None:
        layers = dict(model.named_modules())
        if name not in layers:
            raise PredictionException(f"explanation.layer {name} is no layer of this model", 501)
        return layers[name]
    convolutions = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
    if not convolutions:
        raise PredictionException("layer_gradcam needs explanation.layer, for this model has no Conv2d", 501)
    return convolutions[-1]


METHODS: Mapping[str, Callable[[Any, Any, Any, Mapping[str, Any]], Any]] = {
    "integrated_gradients": integrated_gradients,
    "saliency": saliency,
    "occlusion": occlusion,
    "feature_ablation": feature_ablation,
    "layer_gradcam": layer_gradcam,
}

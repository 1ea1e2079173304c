"""Labels, errors and other small things that handlers share."""

import enum
import inspect
import itertools
import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

CLEANUP_REGEX = re.compile("<.*?>|&([a-z0-9]+|#[0-9]{1,6}|#x[0-9a-f]{1,6});")  # tags and entities of HTML

logger = logging.getLogger(__name__)


class PT2Backend(enum.StrEnum):
    """What `torch.compile` may be told to use."""

    EAGER = "eager"
    AOT_EAGER = "aot_eager"
    INDUCTOR = "inductor"
    NVFUSER = "nvfuser"
    AOT_NVFUSER = "aot_nvfuser"
    AOT_CUDAGRAPHS = "aot_cudagraphs"
    OFI = "ofi"
    FX2TRT = "fx2trt"
    ONNXRT = "onnxrt"
    IPEX = "ipex"
    TORCHXLA_TRACE_ONCE = "torchxla_trace_once"
    OPENVINO = "openvino"
    TENSORRT = "tensorrt"
    HPU_BACKEND = "hpu_backend"


class PredictionException(Exception):
    """A failure that the client is told: its status and its message."""

    def __init__(self, message: str, error_code: int = 500) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def __str__(self) -> str:
        return f"{self.message} : {self.error_code}"


def list_classes_from_module(module: ModuleType, parent_class: type | None = None) -> list[type]:
    """The classes that the module itself defines, of those the ones that derive from `parent_class`."""
    own = [
        found
        for _, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__ == module.__name__
    ]
    return own if parent_class is None else [found for found in own if issubclass(found, parent_class)]


def check_valid_pt2_backend(backend: str) -> bool:
    """Whether `torch.compile` may be told to use it."""
    valid = backend in {member.value for member in PT2Backend}
    if not valid:
        logger.warning("torch.compile is not told to use %s, which is none of its backends", backend)
    return valid


def load_label_mapping(mapping_file_path: str | os.PathLike[str]) -> dict[str, str] | None:
    """The label of each class by its index; None without such a file.

    Errors: ValueError for a file of another form.
    """
    if not os.path.isfile(mapping_file_path):
        logger.warning("there is no %s, so classes go by their numbers", os.path.basename(mapping_file_path))
        return None
    with open(mapping_file_path, encoding="utf-8") as file:
        mapping = json.load(file)
    if not isinstance(mapping, dict):
        raise ValueError('the file of labels has to be an object, {"0": "cat"}')
    names = mapping.get("object_type_names")
    if isinstance(names, list):
        return {str(index): name for index, name in enumerate(names)}
    return {index: label(index, value) for index, value in mapping.items()}


def label(index: str, value: Any) -> str:
    """A label, which is a text or the last text of a list.

    Errors: ValueError.
    """
    name = value[-1] if isinstance(value, list) and value else value
    if not isinstance(name, str):
        raise ValueError(f"the label of class {index} has to be a text, or a list of texts")
    return name


def map_class_to_label(
    probs: list[Any],
    mapping: dict[str, str] | None = None,
    lbl_classes: Iterable[Iterable[Any]] | None = None,
) -> list[dict[str, Any]]:
    """For each row the probability of each label; without `lbl_classes` a row holds every class in order.

    Errors: TypeError where `probs` is no list or `mapping` no dict.
    """
    if not isinstance(probs, list):
        raise TypeError("the probabilities have to be a list")
    if mapping is not None and not isinstance(mapping, dict):
        raise TypeError("the labels have to be a dict")
    if lbl_classes is None:
        lbl_classes = itertools.repeat(range(len(probs[0])), len(probs)) if probs else ()
    labels = mapping or {}
    return [
        {labels.get(str(index), str(index)): prob for index, prob in zip(classes, row, strict=False)}
        for classes, row in zip(lbl_classes, probs, strict=False)
    ]


def get_yaml_config(yaml_file_path: str | os.PathLike[str]) -> Any:
    """What a file in YAML says."""
    import yaml

    with open(yaml_file_path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def deprecated(
    version: Any, replacement: str = "", klass: type[Warning] = PendingDeprecationWarning
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: calls of the function warn that it goes in this version, and what takes its place."""

    def decorator(func: Callable[P, R]) -> Callable[P, R]:
        @wraps(func)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            text = f"{func.__name__} goes in {version}; use {replacement or 'something else'}"
            warnings.warn(text, klass, stacklevel=2)
            return func(*args, **kwargs)

        return wrapper

    return decorator

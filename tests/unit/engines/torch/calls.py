"""Loading models of PyTorch, and calling them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, Tensor
from dragoman.engines.base import Artifact
from dragoman.engines.torch import TorchEngine
from dragoman.engines.torch.model import TorchModel
from tests.contract.engines import CALL, tensor


def load(file: Path, **options: Any) -> TorchModel:
    """The model in a file."""
    return TorchEngine().load(Artifact(str(file), "demo", 1), options)


def unloaded(file: Path, **options: Any) -> DragomanError:
    """Why a file does not load."""
    with pytest.raises(DragomanError) as caught:
        load(file, **options)
    assert str(file.parent) not in caught.value.message
    return caught.value


def infer(model: TorchModel, outputs: Sequence[str] | None = None, **inputs: Array) -> Mapping[str, Tensor]:
    """The answer to these inputs."""
    tensors = {name: tensor(array) for name, array in inputs.items()}
    return model.infer(TensorRequest(DEFAULT_SIGNATURE, tensors, outputs), CALL).outputs


def refused(model: TorchModel, outputs: Sequence[str] | None = None, **inputs: Array) -> DragomanError:
    """Why a call fails."""
    with pytest.raises(DragomanError) as caught:
        infer(model, outputs, **inputs)
    return caught.value


def floats(*shape: int) -> Array:
    """Numbers that differ."""
    return np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)

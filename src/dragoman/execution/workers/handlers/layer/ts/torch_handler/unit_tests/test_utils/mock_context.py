"""A context for tests of handlers, without a server."""

import os
import uuid
from importlib.util import find_spec
from typing import Any

from ts.metrics.metrics_store import MetricsStore
from ts.utils.util import get_yaml_config


class MockContext:
    """Names the model's files, as a manifest would."""

    def __init__(
        self,
        model_pt_file: str | None = "model.pt",
        model_dir: str = "ts/torch_handler/unit_tests/models/tmp",
        model_file: str | None = "model.py",
        gpu_id: str | None = "0",
        model_name: str = "mnist",
        model_yaml_config_file: str | None = None,
    ) -> None:
        model = {"serializedFile": model_pt_file, "modelFile": model_file}
        self.manifest = {"model": {key: file for key, file in model.items() if file}}
        self.system_properties: dict[str, Any] = {"model_dir": model_dir}
        if gpu_id and has_gpu():
            self.system_properties["gpu_id"] = gpu_id
        self.explain = False
        self.metrics = MetricsStore(uuid.uuid4(), model_name)
        self.model_yaml_config: Any = {}
        if model_yaml_config_file:
            self.model_yaml_config = get_yaml_config(os.path.join(model_dir, model_yaml_config_file))

    def get_request_header(self, idx: int, exp: str) -> bool:
        """Whether a request, other than the first, asks for explanations: `explain` of this context."""
        return bool(idx and exp and self.explain)


def has_gpu() -> bool:
    """Whether torch is installed and finds one."""
    if find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())

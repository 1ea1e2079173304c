"""Servers that are started as OpenVINO Model Server is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.server_process import Addresses, serving

# Any ports but 0, which means none there; our own flags before them take free ones instead.
PORTS: Final = ("--rest_port", "1", "--port", "2")


def model_list(models: Path, pipelines: Sequence[Mapping[str, Any]] = ()) -> Mapping[str, Any]:
    """The config.json of every model in a folder, with all versions of each, and of pipelines."""
    return {
        "model_config_list": [
            {"config": {"name": path.name, "base_path": str(path), "model_version_policy": {"all": {}}}}
            for path in sorted(models.iterdir())
        ],
        "pipeline_config_list": list(pipelines),
    }


@contextmanager
def ovms_serving(models: Path, folder: Path, *pipelines: Mapping[str, Any]) -> Iterator[Addresses]:
    """The addresses of a server of every model in a folder; its config.json and log go into the other."""
    config = folder / "config.json"
    config.write_text(json.dumps(model_list(models, pipelines)), encoding="utf-8")
    command = ["--grpc-port", "0", "--as", "ovms", *PORTS, "--config_path", str(config)]
    with serving(command, folder / "log") as addresses:
        yield addresses

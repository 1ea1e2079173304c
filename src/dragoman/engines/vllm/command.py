"""Finds vLLM and a GPU, and how vLLM is started."""

import glob
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Final

from dragoman.engines.vllm.options import VllmOptions

COMMAND: Final = "vllm"
GPUS: Final = ("/dev/nvidia[0-9]*", "/dev/dxg", "/dev/kfd")  # NVIDIA's, of them in WSL, AMD's
MODEL: Final = "model"  # what the model is called there
# Nothing is fetched, and nothing is told to anyone.
ENVIRONMENT: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_API_KEY": "",  # nobody else can reach it
}


def find_command(named: str) -> str | None:
    """The command of this name; of an empty one that beside this interpreter, else that of PATH."""
    if named:
        return shutil.which(named)
    beside = os.path.join(os.path.dirname(sys.executable), COMMAND)
    return beside if os.access(beside, os.X_OK) else shutil.which(COMMAND)


def has_gpu(patterns: Sequence[str] = GPUS) -> bool:
    """Whether this machine shows a GPU that vLLM may run on."""
    return any(glob.glob(pattern) for pattern in patterns)


def serve_command(
    command: str, folder: str, socket: str, options: VllmOptions, *, context: int, embeds: bool
) -> list[str]:
    """How it is started. `context` = tokens of prompt and text; 0 = as the model's files say."""
    return [
        command,
        "serve",
        folder,
        *("--uds", socket),
        *("--served-model-name", MODEL),
        *("--generation-config", "vllm"),  # what the files say is said with every text
        *("--max-num-seqs", str(options.at_once)),
        *("--uvicorn-log-level", "warning"),
        *(("--max-model-len", str(context)) if context else ()),
        *(("--runner", "pooling") if embeds else ()),
        *options.arguments,
    ]

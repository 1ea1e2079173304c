"""Folders as Hugging Face has them: which files tell them, and whose they are."""

import json
import os
from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Claim, FileStat
from dragoman.engines.text_files import read_json

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
INDEX: Final = WEIGHTS[1]
LENGTH_BYTES: Final = 8  # a safetensors file begins with the length of what tells its tensors
MODULES: Final = "modules.json"  # beside models that give vectors
WRITERS: Final = ("ForCausalLM", "LMHeadModel")  # how the names of models end that write


def writer_claim(files: Mapping[str, FileStat]) -> Claim | None:
    """A folder with a configuration, weights and a tokenizer, which is not one of vectors."""
    return None if MODULES in files else whole_claim(files, (CONFIG, TOKENIZER))


def embedder_claim(files: Mapping[str, FileStat]) -> Claim | None:
    """The same of a folder of vectors, in the layout of sentence-transformers."""
    return whole_claim(files, (CONFIG, TOKENIZER, MODULES))


def whole_claim(files: Mapping[str, FileStat], wanted: tuple[str, ...]) -> Claim | None:
    """The folder, where these and the weights are there."""
    weights = next((name for name in WEIGHTS if name in files), None)
    if weights is None or not files.keys() >= set(wanted):
        return None
    return Claim(CONFIG, (*wanted, weights))


def writes(folder: str) -> bool:
    """Whether config.json names a model that writes text."""
    named = read_json(folder, CONFIG).get("architectures") or []
    return any(str(name).endswith(WRITERS) for name in named)


def folder_bytes(folder: str) -> int:
    """What the files of a folder take."""
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())


def check_weights(folder: str) -> None:
    """Nothing, if the files of weights are all there, each as long as it says.

    Errors: NOT_FOUND or INTERNAL naming the file, which the libraries that read them do not.
    """
    parts = read_json(folder, INDEX).get("weight_map", {})
    if not isinstance(parts, dict):
        raise DragomanError(Code.INTERNAL, f"{INDEX} does not load: its weight_map is no object")
    whole = [WEIGHTS[0]] if os.path.isfile(os.path.join(folder, WEIGHTS[0])) else []
    for name in whole or sorted(map(str, set(parts.values()))):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            raise DragomanError(Code.NOT_FOUND, f"{name} does not load: there is no such file")
        if not is_whole(path):
            raise DragomanError(Code.INTERNAL, f"{name} does not load: it is truncated or damaged")


def is_whole(path: str) -> bool:
    """Whether a safetensors file is as long as its tensors say."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if length > size - LENGTH_BYTES:
            return False
        try:
            told = json.loads(file.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in told.items() if name != "__metadata__"]
            return LENGTH_BYTES + length + max(ends, default=0) == size
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return False

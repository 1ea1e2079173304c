"""Folders as Hugging Face has them: which files tell them, and whose they are."""

import os
from collections.abc import Mapping
from typing import Final

from dragoman.engines.base import Claim, FileStat
from dragoman.engines.text_files import read_json

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
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

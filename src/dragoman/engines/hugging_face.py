"""Folders as Hugging Face has them: which files tell them, and whose they are."""

import os
from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Claim, FileStat
from dragoman.engines.text_files import read_json
from dragoman.engines.weight_files import files_of, is_whole

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


def check_weights(folder: str) -> None:
    """Nothing, if the files of weights are all there, each as long as it says.

    Errors: those of `files_of`; NOT_FOUND or INTERNAL naming the file, which the libraries that read them
    do not.
    """
    here = [path for name in WEIGHTS if os.path.isfile(path := os.path.join(folder, name))]
    for path in files_of(here[0]) if here else []:
        name = os.path.basename(path)
        if not os.path.isfile(path):
            raise DragomanError(Code.NOT_FOUND, f"{name} does not load: there is no such file")
        if not is_whole(path):
            raise DragomanError(Code.INTERNAL, f"{name} does not load: it is truncated or damaged")

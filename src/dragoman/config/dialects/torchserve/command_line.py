"""TorchServe's command line: `--models` takes several words, `-v` is `--version`."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from dragoman.config.command_line import CommandLine, read_command_line, separate
from dragoman.config.dialects.torchserve.flags import FLAGS

MODELS: Final = "--models"
SHORT: Final = {"-v": "--version"}
BOOLEANS: Final = {"true": True, "false": False}
read = partial(read_command_line, FLAGS, booleans=BOOLEANS)


def read_line(arguments: Sequence[str]) -> CommandLine:
    """The flags by their names.

    Errors: INVALID_ARGUMENT with a line for each value that is badly formed.
    """
    return read(arguments=gathered(arguments))


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that are TorchServe's, and the others."""
    return separate(FLAGS, gathered(arguments), BOOLEANS)


def gathered(arguments: Sequence[str]) -> list[str]:
    """The words with all models in the one after `--models`, as `load_models` has them."""
    made: list[str] = []
    models = False  # whether words are models
    for word in arguments:
        if models and not word.startswith("-"):
            made[-1] += word if made[-1].endswith("=") else f",{word}"
            continue
        models = word == MODELS
        made.append(f"{MODELS}=" if models else SHORT.get(word, word))
    return made

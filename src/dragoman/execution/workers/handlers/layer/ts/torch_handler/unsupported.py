"""Handlers of TorchServe that do not run here: their names can be imported, and say so when they are used."""

from typing import NoReturn


def refuse(what: str, instead: str) -> NoReturn:
    """Say that it does not run here.

    Errors: NotImplementedError, always.
    """
    raise NotImplementedError(f"{what} is not supported by this server; {instead}")

"""What a file is, by the names in it, so that nothing is read that would run as it is read.

`torch.save` pickles: whatever it wrote, a module or its weights, is refused unread.
"""

import enum
import os
import zipfile
from typing import Final

from dragoman.core.errors import Code, DragomanError

PICKLE_MARK: Final = b"\x80"  # the first byte of what older releases wrote
HOW_TO: Final = (
    "export it (torch.export.save, model.pt2), or save its weights as safetensors "
    "(safetensors.torch.save_model, model.safetensors) beside a model.py with its class"
)


class Kind(enum.Enum):
    """Forms in which models are saved."""

    SCRIPT = "TorchScript"
    EXPORT = "an exported program"
    COMPILED = "a program compiled by AOTInductor"
    PICKLE = "a pickle"


def check_file(path: str) -> None:
    """Nothing, if there is such a file.

    Errors: NOT_FOUND.
    """
    file = os.path.basename(path)
    if not os.path.isfile(path):
        raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")


def kind_of(path: str) -> Kind:
    """What the file holds, TorchScript or an exported program.

    Errors: FAILED_PRECONDITION for a file of another form, INTERNAL for one that is none of PyTorch's.
    """
    file = os.path.basename(path)
    kind = look(path)
    if kind is Kind.PICKLE:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{file} does not load: it is a pickle, as torch.save writes, which could run anything while it "
            f"is read and is not read here; {HOW_TO}",
        )
    if kind is Kind.COMPILED:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{file} does not load: it is {kind.value}, for one machine, and says nothing of its tensors; "
            "serve the exported program that it was made of (torch.export.save)",
        )
    if kind is None:
        raise DragomanError(
            Code.INTERNAL,
            f"{file} does not load: it is no model of PyTorch: "
            "the file is truncated, damaged or of another kind",
        )
    return kind


def look(path: str) -> Kind | None:
    """What the file looks like; None where it is nothing that PyTorch writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        with open(path, "rb") as file:
            return Kind.PICKLE if file.read(1) == PICKLE_MARK else None
    # Everything lies in one folder, except for what releases before 2.8 exported.
    below = {name.split("/", 1)[-1] for name in names}
    if "constants.pkl" in below:
        return Kind.SCRIPT
    if any(name.startswith("models/") for name in below) or "serialized_exported_program.json" in below:
        return Kind.EXPORT
    if any("aotinductor/" in name for name in below):
        return Kind.COMPILED
    return Kind.PICKLE if "data.pkl" in below else None

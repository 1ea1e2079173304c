"""The files that OpenVINO reads: which are claimed, and how large they are."""

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from dragoman.engines.base import Claim, TreeSnapshot

SAVED_MODEL: Final = "saved_model.pb"
USUAL_STEM: Final = "model"


class Format(NamedTuple):
    """A kind of file by its suffix; `partner` is the suffix of the file that lies beside it."""

    suffix: str
    partner: str = ""
    by_name: bool = False  # whether it is claimed only where `model.yaml` names this engine


FORMATS: Final = (
    Format(".xml", partner=".bin"),
    Format(SAVED_MODEL),
    Format(".onnx", by_name=True),
    Format(".tflite"),
    Format(".pdmodel", partner=".pdiparams"),
    Format(".pb", by_name=True),  # a frozen graph of TensorFlow's
)


def claim_files(files: TreeSnapshot, *, named: bool) -> Claim | None:
    """The first format of which there is a file with the usual name, or only one."""
    for form in FORMATS:
        if form.by_name and not named:
            continue
        entry = chosen(files, form)
        if entry is not None:
            return Claim(entry, tuple(required(files, entry, form)))
    return None


def chosen(files: TreeSnapshot, form: Format) -> str | None:
    """The file of a format; None where there is none, or no telling which."""
    if form.suffix == SAVED_MODEL:
        return SAVED_MODEL if SAVED_MODEL in files.files else None
    found = [name for name in files.top_level if name.endswith(form.suffix)]
    usual = USUAL_STEM + form.suffix
    if usual in found:
        return usual
    return found[0] if len(found) == 1 else None


def required(files: TreeSnapshot, entry: str, form: Format) -> Iterator[str]:
    """The file, and its partner where a whole folder was looked at."""
    yield entry
    if form.partner and os.path.basename(files.root) != entry:
        yield os.path.splitext(entry)[0] + form.partner


def to_read(path: str) -> str:
    """What OpenVINO is asked to read: of a SavedModel the folder."""
    folder, file = os.path.split(path)
    return folder if file == SAVED_MODEL else path


def model_bytes(path: str) -> int:
    """The size of a model's file and of those that belong to it."""
    folder, file = os.path.split(path)
    stem, suffix = os.path.splitext(path)
    if file == SAVED_MODEL:
        return sum(
            os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names
        )
    if suffix == ".onnx":  # with external data, whatever it is called
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
    partners = [stem + form.partner for form in FORMATS if form.partner and form.suffix == suffix]
    return sum(os.path.getsize(one) for one in (path, *partners) if os.path.isfile(one))

"""Converts a folder once, in a process of its own, and keeps what that gives.

1. What is kept lies in a folder whose name is a hash of the files, of how they are converted and of the
   exporter's release. Whatever changes is converted anew.
2. A lock for each name lets one process convert; others wait for it and find the result.
3. The exporter writes into a folder of another name, which is renamed when all is there and a record with the
   sizes of all files lies beside them. A folder without its record, or with other sizes, is not believed.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from typing import Final

import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import GivesWayError, Progress
from dragoman.engines.child import Child
from dragoman.engines.conversion.exporter import Exporter
from dragoman.engines.conversion.options import ConversionOptions

if sys.platform != "win32":
    import fcntl

RECORD: Final = "conversion.json"
FORM: Final = 1  # counts up when folders that were converted before are none any more
READ: Final = (".json", ".jinja", ".txt", ".model", ".safetensors")  # how files end that an exporter reads
TURN_S: Final = 0.2  # how soon it is seen that a conversion is not wanted any more
GRACE_S: Final = 2.0
OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
DOING: Final = "it is converted to OpenVINO, which may take minutes"
WAITING: Final = "another process converts it to OpenVINO"


class Conversion(Struct, frozen=True):
    """What is converted to what. `task` is the exporter's word; `required` = the files that have to come.

    `instead` = what an owner can do where it is not converted.
    """

    model: str
    folder: str
    task: str
    required: tuple[str, ...]
    instead: str = ""


def converted(wanted: Conversion, exporter: Exporter, options: ConversionOptions, progress: Progress) -> str:
    """The folder of the files, which are made where they are not there yet.

    Errors: GivesWayError where they cannot be; CANCELLED once they are not wanted any more.
    """
    place = options.converted_dir or default_place()
    folder = os.path.join(place, key_of(wanted, exporter, options.weights))
    if is_whole(folder):
        return folder
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        with locked(f"{folder}.lock", progress):
            if not is_whole(folder):
                progress.tell(DOING)
                write(wanted, exporter, options, progress, folder)
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        message = f"there is no place for what is converted (options.converted_dir): {why}"
        raise GivesWayError(Code.FAILED_PRECONDITION, message) from error
    return folder


def default_place() -> str:
    """Where a user's programs keep what they can make again."""
    caches = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(caches):
        caches = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(caches, "dragoman", "converted")


def key_of(wanted: Conversion, exporter: Exporter, weights: str) -> str:
    """The name of a conversion."""
    told = sha256()
    for part in (str(FORM), wanted.task, weights, exporter.version):
        told.update(part.encode() + b"\0")
    for name, path in sorted(read_files(wanted.folder)):
        with open(path, "rb") as file:
            told.update(name.encode() + b"\0" + file_digest(file, "sha256").digest())
    return told.hexdigest()[:32]


def read_files(folder: str) -> Iterator[tuple[str, str]]:
    """The files that an exporter may read, by their names below the folder."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith(READ) and not name.startswith("."):
                path = os.path.join(root, name)
                yield os.path.relpath(path, folder), path


def is_whole(folder: str) -> bool:
    """Whether all is there that was when the conversion ended."""
    try:
        with open(os.path.join(folder, RECORD), "rb") as file:
            sizes: Mapping[str, int] = json.load(file)["files"]
        return all(os.stat(os.path.join(folder, name)).st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


@contextmanager
def locked(path: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of a conversion, waiting for whoever holds it.

    Errors: CANCELLED.
    """
    with open(path, "ab") as file:
        told = False
        while sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress.tell(WAITING)
                told = True
                check_wanted(progress)
                time.sleep(TURN_S)
        yield


def check_wanted(progress: Progress) -> None:
    """Go on only while it is of use.

    Errors: CANCELLED.
    """
    if not progress.wanted():
        raise DragomanError(Code.CANCELLED, "the model is not wanted any more")


def write(
    wanted: Conversion, exporter: Exporter, options: ConversionOptions, progress: Progress, folder: str
) -> None:
    """Convert into the folder, which is there only when all is."""
    unfinished = f"{folder}.unfinished"  # of this process alone, by the lock
    for old in (folder, unfinished):
        shutil.rmtree(old, ignore_errors=True)
    try:
        export(wanted, exporter, options, progress, unfinished)
        missing = [name for name in wanted.required if not os.path.isfile(os.path.join(unfinished, name))]
        if missing:
            raise refused(wanted, exporter, f"it wrote no {missing[0]}")
        names = sorted(os.listdir(unfinished))
        sizes = {name: os.stat(os.path.join(unfinished, name)).st_size for name in names}
        record = {"exporter": exporter.version, "task": wanted.task, "weights": options.weights}
        with open(os.path.join(unfinished, RECORD), "w", encoding="utf-8") as file:
            json.dump({**record, "files": sizes}, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def export(
    wanted: Conversion, exporter: Exporter, options: ConversionOptions, progress: Progress, into: str
) -> None:
    """Run the exporter to its end.

    Errors: GivesWayError where it fails or takes too long; CANCELLED.
    """
    command = [
        exporter.command, "export", "openvino", "--model", wanted.folder, "--task", wanted.task,
        "--library", "transformers", "--weight-format", options.weights, into,
    ]  # fmt: skip
    child = Child(command, {**os.environ, **OFFLINE})
    end = time.monotonic() + options.convert_timeout_s
    try:
        while (code := child.ended(TURN_S)) is None:
            check_wanted(progress)
            if time.monotonic() > end:
                raise refused(
                    wanted, exporter, f"it took more than {options.convert_timeout_s:g} s", child.last_words
                )
    finally:
        child.stop(GRACE_S)
    if code:
        raise refused(wanted, exporter, f"it ended with status {code}", child.last_words)


def refused(wanted: Conversion, exporter: Exporter, why: str, said: str = "") -> GivesWayError:
    """The exporter does not convert the folder. Its own words go to the log."""
    structlog.get_logger("dragoman.engines.conversion").error(
        "a model was not converted", model=wanted.model, exporter=exporter.command, why=why, said=said
    )
    return GivesWayError(
        Code.FAILED_PRECONDITION,
        f"the exporter does not convert this model to OpenVINO: {why}; the log tells more{wanted.instead}",
    )

"""Models that requests bring along, besides those of the repository."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from dragoman.core.control import Register, ReplaceModels
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import StatusReport
from dragoman.repository.arrivals import Arrival
from dragoman.repository.source import AspiredModel, VersionSource


def no_lists(request: ReplaceModels, report: StatusReport) -> VersionSource:
    """The source where models cannot come from lists."""
    raise DragomanError(Code.UNIMPLEMENTED, "this server takes its models from its repository alone")


def no_uploads(name: str, folder: str) -> AspiredModel:
    """The model where none may come as files."""
    raise DragomanError(Code.UNIMPLEMENTED, "this server takes no files with a request")


def no_archives(request: Register) -> Arrival:
    """The version where none may be registered."""
    raise DragomanError(Code.UNIMPLEMENTED, "this server registers no archives")


def nothing(path: str) -> None:
    """What is discarded where nothing was fetched."""


class Brought(Struct, frozen=True):
    """What a server does with them.

    `listed` serves a list of models and no others; it refuses one that cannot be served as things stand.
    `uploaded` gives the model of that name that a folder of files is. `registered` finds an archive that is
    to be a version, where the server `registers` any; `discard` is told where one lies that is none any more.
    """

    listed: Callable[[ReplaceModels, StatusReport], VersionSource] = no_lists
    uploaded: Callable[[str, str], AspiredModel] = no_uploads
    registers: bool = False
    registered: Callable[[Register], Arrival] = no_archives
    discard: Callable[[str], None] = nothing


NOTHING: Final = Brought()

"""Models that requests bring along, besides those of the repository."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from dragoman.core.control import ReplaceModels
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import StatusReport
from dragoman.repository.source import AspiredModel, VersionSource


def no_lists(request: ReplaceModels, report: StatusReport) -> VersionSource:
    """The source where models cannot come from lists."""
    raise DragomanError(Code.UNIMPLEMENTED, "this server takes its models from its repository alone")


def no_uploads(name: str, folder: str) -> AspiredModel:
    """The model where none may come as files."""
    raise DragomanError(Code.UNIMPLEMENTED, "this server takes no files with a request")


class Brought(Struct, frozen=True):
    """What a server does with them.

    `listed` serves a list of models and no others; it refuses one that cannot be served as things stand.
    `uploaded` gives the model of that name that a folder of files is.
    """

    listed: Callable[[ReplaceModels, StatusReport], VersionSource] = no_lists
    uploaded: Callable[[str, str], AspiredModel] = no_uploads


NOTHING: Final = Brought()

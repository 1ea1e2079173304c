"""All settings of a server, from every place that they may stand in.

Reading twice does no harm: a live server reads its settings again whenever one of the files has changed.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.config.checks import mistakes
from dragoman.config.dialect import Background, Dialect, Level, Note, Source, Translation
from dragoman.config.environment import CONFIG, environment_overrides
from dragoman.config.files import Files, Stamp, modified
from dragoman.config.overlay import Layer, Merged, Override, merge
from dragoman.config.paths import resolved
from dragoman.core.errors import DragomanError, invalid
from dragoman.settings.model_document import SHORT_FORMS
from dragoman.settings.server import ServerSettings
from dragoman.settings.yaml_document import read_tree

NOTHING: Final = Translation({})


class Request(Struct, frozen=True, kw_only=True):
    """What a command line says about settings. `overrides` are its own flags, the strongest values."""

    path: str | None = None
    config: str | None = None
    dialect: Dialect | None = None
    arguments: tuple[str, ...] = ()  # the dialect's
    overrides: tuple[Override, ...] = ()
    environment: Mapping[str, str] = {}
    allow_unsupported: bool = False


class Loaded(Struct, frozen=True):
    """The settings, where each value that is given comes from, the notes, and a stamp of each file read.

    `contents` are digests of what these files held.

    `message` is set where the dialect was asked for a text only, or for these files to be written, and
    `background` where it was asked for a server that outlives the command, or for its end.
    """

    settings: ServerSettings
    origins: Mapping[str, str]
    notes: tuple[Note, ...] = ()
    files: Mapping[str, Stamp] = {}
    contents: Mapping[str, bytes] = {}
    tree: Mapping[str, object] = {}
    message: str | None = None
    writes: Mapping[str, str] = {}
    background: Background | None = None


def load(request: Request) -> Loaded:
    """The settings that are in force.

    Errors: DragomanError with a line for every mistake, naming file, line and key.
    """
    files = Files()
    found: list[str] = []
    translation, layers, overrides = NOTHING, list[Layer](), list[Override]()
    try:
        translation = translated(request, files)
        layers.append(Layer(translation.tree, translation.origins))
    except DragomanError as error:
        found.append(error.message)
    try:
        layers += native_layer(request, files)
    except DragomanError as error:
        found.append(error.message)
    try:
        overrides += environment_overrides(request.environment)
    except DragomanError as error:
        found.append(error.message)
    found += () if request.allow_unsupported else unsupported(translation.notes)
    if found:
        raise invalid("\n".join(found))
    if translation.message is not None:
        return Loaded(ServerSettings(), {}, message=translation.message, writes=translation.writes)
    if translation.background is not None and translation.background.ends:
        return Loaded(ServerSettings(), {}, background=translation.background)
    merged = merge(layers, [*overrides, *path_override(request), *request.overrides])
    settings = checked(merged)
    return Loaded(
        settings,
        merged.origins,
        translation.notes,
        files.stamps,
        files.contents,
        merged.tree,
        background=translation.background,
    )


def translated(request: Request, files: Files) -> Translation:
    """What the dialect makes of its part of the command line."""
    if request.dialect is None:
        return NOTHING
    source = Source(request.arguments, request.environment, files.read, files.names, request.path, modified)
    return request.dialect.translate(source)


def native_layer(request: Request, files: Files) -> list[Layer]:
    """`dragoman.yaml`, where there is one."""
    path = request.config or request.environment.get(CONFIG)
    if not path:
        return []
    document = read_tree(files.read(path), path, ServerSettings, SHORT_FORMS)
    origins = {key: f"{path}:{line}" for key, line in document.lines.items()}
    return [Layer(resolved(document.tree, os.path.dirname(os.path.abspath(path))), origins)]


def path_override(request: Request) -> list[Override]:
    """The path of the command line."""
    return [] if request.path is None else [Override("repository", request.path, "command line")]


def unsupported(notes: Sequence[Note]) -> list[str]:
    """What would change answers or access, and so is not passed over."""
    return [
        f"{note.key}: {note.text}; --allow-unsupported starts without it"
        for note in notes
        if note.level is Level.UNSUPPORTED
    ]


def checked(merged: Merged) -> ServerSettings:
    """The settings as a struct.

    Errors: INVALID_ARGUMENT with a line for every mistake, naming where the value is given.
    """
    try:
        settings = msgspec.convert(merged.tree, ServerSettings)
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at `$")
        key = key.strip("`.")
        raise invalid(f"{merged.origins.get(key, key)}: {key}: {what.replace('`', '')}") from error
    found = [f"{place_of(key, merged.origins)}: {key}: {what}" for key, what in mistakes(settings)]
    if found:
        raise invalid("\n".join(found))
    return settings


def place_of(key: str, origins: Mapping[str, str]) -> str:
    """Where a key is given: its own place, else of the first key below it, else of what lacks it."""
    if key in origins:
        return origins[key]
    while key:
        found = next((origin for name, origin in origins.items() if name.startswith(key)), None)
        if found is not None:
            return found
        key = key.rpartition(".")[0]
    return "settings"

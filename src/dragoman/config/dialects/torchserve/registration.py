"""What may be registered while the server runs, and whether it is there again after a restart.

Keys: `enable_model_api`, `model_store`, `allowed_urls`; and those that snapshots hold.
"""

import re
from typing import Final

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.torchserve.configuration import Configuration
from dragoman.config.dialects.torchserve.snapshots import disabled, folder_of
from dragoman.config.writer import Writer

HIDDEN: Final = frozenset({"keystore_pass", "model_snapshot", "models", "tsConfigFile", "version"})
OWN: Final = "TorchServe's own way"
LAST: Final = "{file}, the last snapshot, says what is served; --ncs serves without it"


def write_registration(writer: Writer, config: Configuration) -> None:
    """`registration`.

    Errors: INVALID_ARGUMENT for an expression that is none.
    """
    if config.on("enable_model_api"):
        writer.set("registration.enabled", True, config.origin("enable_model_api"))
    if config.text("model_store"):
        writer.set("registration.store", config.text("model_store"), config.origin("model_store"))
    if workers := config.number("default_workers_per_model"):
        writer.set("registration.workers", workers, config.origin("default_workers_per_model"))
    if "allowed_urls" in config:
        writer.set("registration.allowed_urls", allowed_urls(config), config.origin("allowed_urls"))


def allowed_urls(config: Configuration) -> list[str]:
    """The expressions of `allowed_urls`.

    Errors: INVALID_ARGUMENT for what is no expression.
    """
    found = [text.strip() for text in config.text("allowed_urls").split(",") if text.strip()]
    for text in found:
        try:
            re.compile(text)
        except re.error as error:
            raise config.wrong("allowed_urls", f"{text[:80]!r} is no regular expression: {error}") from error
    return found


def write_snapshots(writer: Writer, config: Configuration) -> None:
    """`snapshots`, where models come from a store and nobody wants to do without."""
    if disabled(writer.line) or writer.source.path is not None or not config.text("model_store"):
        return
    writer.set("snapshots.folder", folder_of(writer.source.environment), OWN)
    writer.set("snapshots.store", config.text("model_store"), config.origin("model_store"))
    told = {key: value for key, value in config.stated().items() if key not in HIDDEN}
    if config.file:
        told["tsConfigFile"] = config.file
    if config.last_snapshot:
        text = LAST.format(file=config.last_snapshot)
        writer.notes.append(Note("config.properties, load_models", Level.IGNORED, text))
    writer.set("snapshots.properties", told, OWN)

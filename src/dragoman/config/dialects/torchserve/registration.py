"""What may be registered while the server runs: `enable_model_api`, `model_store`, `allowed_urls`."""

import re

from dragoman.config.dialects.torchserve.configuration import Configuration
from dragoman.config.writer import Writer


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

"""Which archives are loaded, and what is said of each: `load_models`, `models`, `model_snapshot`."""

import posixpath
import re
from typing import Any, Final

from msgspec import Struct, field

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.torchserve.configuration import Configuration
from dragoman.config.dialects.torchserve.described import Described, read_described, read_snapshot
from dragoman.config.writer import Writer
from dragoman.core.errors import invalid

ENVELOPES: Final = ("body", "json", "kserve", "kservev2")
FILE_URL: Final = "file://"
NOTHING: Final = "no model is loaded; give load_models or --models"


class Plan(Struct):
    """The archives by the names that they are given, and those that say themselves what they are."""

    named: dict[str, list[str]] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)

    def add(self, name: str, path: str) -> None:
        """An archive under a name."""
        paths = self.named.setdefault(name, [])
        if path not in paths:
            paths.append(path)


def write_models(writer: Writer, config: Configuration) -> None:
    """`models` and `repository`, or neither where the command line has a PATH; `every_model`.

    Errors: INVALID_ARGUMENT.
    """
    store = config.text("model_store")
    snapshot = config.text("model_snapshot")
    write_every_model(writer, config, yields=not snapshot)
    if writer.source.path is not None:
        if "load_models" in config:
            writer.notes.append(Note(config.origin("load_models"), Level.IGNORED, "PATH is what is loaded"))
        return
    if not store:
        raise invalid("Missing mandatory parameter --model-store")
    if snapshot:
        key = "model_snapshot"
        described = read_snapshot(snapshot, config.origin(key))
        plan = Plan()
        for model in described:
            plan.add(model.name, posixpath.join(store, model.archive))
    else:
        key = "load_models"
        text = config.text("models")
        described = read_described(text, config.origin("models")) if text else []
        plan = planned(writer, config, described)
    write_plan(writer, plan, described, config.origin(key))


def write_every_model(writer: Writer, config: Configuration, *, yields: bool) -> None:
    """What is the same for every archive of the store.

    Errors: INVALID_ARGUMENT.
    """
    writer.set("every_model.trust", "code", config.origin("model_store"))
    writer.set("every_model.versions", {"all": True, "first": True}, "TorchServe's own way")
    workers = 1 if config.on("debug") else config.number("default_workers_per_model")
    handler: dict[str, Any] = {"yields": yields, "min_workers": workers or "devices"}
    for key, name in (
        ("default_response_timeout", "response_timeout_s"),
        ("default_startup_timeout", "startup_timeout_s"),
        ("job_queue_size", "job_queue_size"),
    ):
        if key in config:
            handler[name] = config.number(key, 1)
    if config.text("default_service_handler"):
        handler["handler"] = config.text("default_service_handler")
    if envelope := config.text("service_envelope").strip():
        if envelope in ENVELOPES:
            handler["service_envelope"] = envelope
        else:
            text = f"{envelope} is not one of {', '.join(ENVELOPES)}"
            writer.notes.append(Note(config.origin("service_envelope"), Level.UNSUPPORTED, text))
    for key, name in (
        ("decode_input_request", "decode_input"),
        ("limit_max_image_pixels", "limit_image_pixels"),
    ):
        if key in config:
            handler[name] = config.on(key)
    if config.text("metrics_config"):
        handler["metrics_file"] = config.text("metrics_config")
    writer.set("every_model.handler", handler, "the keys of workers")
    write_surroundings(writer, config)


def write_surroundings(writer: Writer, config: Configuration) -> None:
    """What workers see of the machine: its GPUs, the server's environment.

    Errors: INVALID_ARGUMENT.
    """
    if "number_of_gpu" in config:
        gpus = config.number("number_of_gpu")
        writer.set("engine_options.handler.gpus", gpus, config.origin("number_of_gpu"))
    if hidden := config.text("blacklist_env_vars"):
        try:
            re.compile(hidden)
        except re.error as error:
            raise config.wrong("blacklist_env_vars", f"this is no regular expression: {error}") from error
        writer.set("every_model.worker.hidden_environment", hidden, config.origin("blacklist_env_vars"))


def planned(writer: Writer, config: Configuration, described: list[Described]) -> Plan:
    """The archives that `load_models` loads."""
    plan = Plan()
    text = config.text("load_models").strip()
    if not text:
        writer.notes.append(Note("load_models", Level.IGNORED, NOTHING))
    elif text.lower() == "all":
        store = config.text("model_store")
        plan.unnamed.append(store)
        there = writer.source.names(store)
        for model in described:
            if model.archive in there:
                plan.add(model.name, posixpath.join(store, model.archive))
    else:
        for word in text.split(","):
            name, equals, url = word.strip().partition("=")
            path = place(writer, config, url if equals else name)
            if not path:
                continue
            known = [model.name for model in described if model.archive == posixpath.basename(path)]
            if equals or known:
                plan.add(name if equals else known[0], path)
            else:
                plan.unnamed.append(path)
    for model in described:
        if model.name not in plan.named:
            text = f"load_models does not load {model.archive or 'it by this name, and it has no marName'}"
            writer.notes.append(Note(model.shown, Level.IGNORED, text))
    return plan


def place(writer: Writer, config: Configuration, url: str) -> str:
    """Where an archive lies; empty where it is left out, and a note says why."""
    if not url:
        return ""
    key = f"{config.origin('load_models')}: {url}"
    if url.startswith(FILE_URL):
        url = url.removeprefix(FILE_URL)
    elif "://" in url:
        text = "no model is loaded from a URL: put the archive into the model store"
        writer.notes.append(Note(key, Level.UNSUPPORTED, text))
        return ""
    if ".." in url:
        writer.notes.append(Note(key, Level.REFUSED, f"Relative path is not allowed in url: {url}"))
        return ""
    return posixpath.join(config.text("model_store"), url)


def write_plan(writer: Writer, plan: Plan, described: list[Described], origin: str) -> None:
    """`models` and `repository`."""
    every = writer.tree["every_model"]["handler"]
    trees = []
    for name, paths in plan.named.items():
        versions = [model for model in described if model.name == name]
        tree: dict[str, Any] = {"name": name, "path": paths[0] if len(paths) == 1 else paths}
        if versions:
            chief = max(versions, key=lambda model: (model.is_default, model.order))
            writer.notes += (note for model in versions for note in model.notes())
            if chief.is_default:
                tree["versions"] = {"all": True, "first": True, "default": chief.version}
            if chief.handler:
                tree["handler"] = {**every, **chief.handler}
            others = {model.version: {**every, **model.handler} for model in versions if model is not chief}
            if differing := {name: one for name, one in others.items() if one != tree.get("handler", every)}:
                tree["version_handlers"] = differing
        trees.append(tree)
    writer.set("models", trees, origin)
    if plan.unnamed:
        writer.set("repository", plan.unnamed, origin)

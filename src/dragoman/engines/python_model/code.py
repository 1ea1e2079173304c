"""From `model.py` to an object: find the class, make one and let it load."""

import inspect
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.engines.base import Artifact
from dragoman.engines.python_code import MODULE, guarded

USUAL_CLASS: Final = "Model"


class Context(Struct, frozen=True):
    """What a model's `load` is told: its folder, its options, its name and version."""

    path: str
    options: Mapping[str, Any]
    model: str
    version: int


def find_class(module: ModuleType) -> type:
    """The module's class `Model`, or its only class with a `predict`.

    Errors: INVALID_ARGUMENT where there is none, or more than one.
    """
    classes = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == MODULE
        and callable(getattr(value, "predict", None))
    }
    if USUAL_CLASS in classes:
        return classes[USUAL_CLASS]
    if len(classes) == 1:
        return next(iter(classes.values()))
    if not classes:
        raise invalid(f"{MODULE}.py: there is no class with a method predict")
    raise invalid(f"{MODULE}.py: name one of the classes {', '.join(sorted(classes))} {USUAL_CLASS}")


def made(model: type, artifact: Artifact, given: Mapping[str, Any]) -> Any:
    """An object of the class, after its `load`.

    Errors: INVALID_ARGUMENT for an option that the class does not take; else as `guarded` says.
    """
    options = chosen_options(model, given)
    made = guarded(model, artifact.path)
    for name in ("load", "predict", "stream"):
        method = getattr(made, name, None)
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise invalid(f"{MODULE}.py: {name} is an async function; it has to be a plain one")
    load = getattr(made, "load", None)
    if load is not None:
        context = Context(os.path.dirname(artifact.path), options, artifact.model, artifact.version)
        guarded(lambda: load(context), artifact.path)
    return made


def chosen_options(model: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the class declares, with what model.yaml says in place of their defaults."""
    declared = getattr(model, "options", {})
    if not isinstance(declared, Mapping):
        raise invalid(f'{MODULE}.py: options has to give each option its default, as in {{"threshold": 0.5}}')
    for key in given:
        if key not in declared:
            known = ", ".join(declared) or "none"
            raise invalid(f"options.{key}: {MODULE}.py takes no such option; it takes {known}")
    return {**declared, **given}

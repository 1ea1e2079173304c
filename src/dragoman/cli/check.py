"""`dragoman check`."""

from pathlib import Path

from dragoman.assembly.builtin import engines
from dragoman.assembly.models import configured_source
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.flags import NO_FLAGS, SettingsFlags, loaded
from dragoman.cli.serve import tell_notes
from dragoman.cli.view import say
from dragoman.config.loader import Loaded, place_of
from dragoman.core.errors import DragomanError
from dragoman.execution.pipelines.graph import faults
from dragoman.repository.source import Aspired


def check(path: Path | None = None, /, *, flags: SettingsFlags = NO_FLAGS) -> None:
    """Check settings, and that the models they name are there, without serving.

    Parameters
    ----------
    path:
        What `dragoman serve` would be given: a file of settings, or models.
    """
    found = loaded(flags.request(path))
    settings = found.settings
    if not settings.repositories and not settings.models:
        raise FailureError("there is nothing to check: give a PATH or --config FILE", Exit.USAGE)
    tell_notes(found)
    check_pipelines(found)
    try:
        aspired = configured_source(settings, engines()).aspired()
    except DragomanError as error:
        raise FailureError(error.message) from error
    tell_models(aspired)


def check_pipelines(found: Loaded) -> None:
    """Nothing, if the graphs of the pipelines keep to every rule that does not depend on their models.

    Errors: FailureError naming where each rule is broken.
    """
    wrong = []
    for index, pipeline in enumerate(found.settings.pipelines):
        for fault in faults(pipeline):
            key = f"pipelines[{index}].{fault.key}"
            wrong.append(f"{place_of(key, found.origins)}: {key}: {fault.message}")
    if wrong:
        raise FailureError("\n".join(wrong))


def tell_models(aspired: Aspired) -> None:
    """A line for each model that would be served.

    Errors: FailureError where one could not.
    """
    wrong = []
    for name, model in aspired.models.items():
        if model.cause is not None:
            wrong.append(model.cause.message)
        else:
            say(f"{name}: {versions(model.wanted)}")
        for note in model.notes:
            say(f"  {note}")
    if wrong:
        raise FailureError("\n".join(wrong))
    if not aspired.models:
        raise FailureError("no model was found")
    say("the settings are good")


def versions(wanted: frozenset[int]) -> str:
    """Versions in words."""
    if not wanted:
        return "no version"
    numbers = ", ".join(map(str, sorted(wanted)))
    return f"version{'s' if len(wanted) > 1 else ''} {numbers}"

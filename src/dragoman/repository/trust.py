"""Whether a model that brings code may be loaded: only where somebody said so."""

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Engine, Trust
from dragoman.repository.sidecar import SIDECAR
from dragoman.settings.model import ModelSettings


def check_trust(engine: Engine, settings: ModelSettings, model: str, *, trusted: bool) -> None:
    """Nothing, if this engine runs no code that comes with models, or this model's code may run.

    `trusted`: the command line names this very model's file or folder, or trusts the whole repository.

    Errors: FAILED_PRECONDITION naming the setting.
    """
    if engine.trust is Trust.DATA_ONLY or trusted or settings.trust == "code":
        return
    raise DragomanError(
        Code.FAILED_PRECONDITION,
        f"{model} brings code (engine {engine.name}), which runs only where it is trusted: "
        f"set trust: code in {model}/{SIDECAR}, or start with --trust-code",
    )


def check_archive_trust(
    settings: ModelSettings, model: str, *, trusted: bool, uploaded: bool = False
) -> None:
    """Nothing, if a model archive may be looked into. Handlers are code, whatever runs them.

    Errors: FAILED_PRECONDITION naming the setting.
    """
    if uploaded:
        why = "does not run where it came with a request: put it into the repository"
    elif trusted or settings.trust == "code":
        return
    else:
        why = (
            "runs only where it is trusted: name the archive when you start, "
            f"set trust: code in {model}/{SIDECAR} or for it in dragoman.yaml, or start with --trust-code"
        )
    raise DragomanError(
        Code.FAILED_PRECONDITION, f"{model} is a model archive, which brings code, and that {why}"
    )


def check_upload(engine: Engine, model: str) -> None:
    """Nothing, if what came with a request runs no code. Whoever may load models may not run code by it.

    Errors: FAILED_PRECONDITION.
    """
    if engine.trust is not Trust.DATA_ONLY:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{model} brings code (engine {engine.name}), which does not run where it came with a request: "
            "put it into the repository",
        )

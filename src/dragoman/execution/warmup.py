"""Calls before a version serves, so that the first real request does not pay for what a runtime does lazily.

The inputs are made up, so a model may well refuse them: that is no failure of the load. A model whose worker
ends or hangs over them is not fit to serve, and does not load.
"""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final

import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import Signature
from dragoman.engines.base import LoadedModel
from dragoman.execution.runners import LocalRunner, input_bytes
from dragoman.execution.samples import sample_request
from dragoman.settings.model import WarmUpSettings

Infer = Callable[[TensorRequest, CallContext], object]

USUAL_RUNS: Final = 2  # one that is slow, one that tells what a call costs
DEADLINE_S: Final = 60.0  # for a call in a worker
UNFIT: Final = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED})  # the worker has ended


def warm_up_local(local: LocalRunner, model: LoadedModel, settings: WarmUpSettings, name: str) -> None:
    """Warm up a model in this process; its runner learns what calls cost."""

    def infer(request: TensorRequest, call: CallContext) -> None:
        local.infer(request, input_bytes(request), call)

    runs = USUAL_RUNS if settings.runs is None else settings.runs
    warm_up(infer, model.signatures.values(), settings.rows, runs, name)


def warm_up_worker(model: LoadedModel, settings: WarmUpSettings, name: str) -> None:
    """Warm up a model that brings code, only where its settings say so: calls may have effects.

    Errors: UNAVAILABLE or DEADLINE_EXCEEDED where the worker ends or hangs.
    """
    warm_up(model.infer, model.signatures.values(), settings.rows, settings.runs or 0, name)


def warm_up(infer: Infer, signatures: Iterable[Signature], rows: int, runs: int, name: str) -> None:
    """Call each signature so many times with made-up inputs.

    Errors: UNAVAILABLE or DEADLINE_EXCEEDED where the model ends or hangs over them.
    """
    log = structlog.get_logger("dragoman.execution")
    for signature in signatures if runs else ():
        request = sample_request(signature, rows)
        try:
            for _ in range(runs):
                infer(request, CallContext("warm-up", monotonic() + DEADLINE_S))
        except DragomanError as error:
            if error.code in UNFIT:
                raise unfit(error) from error
            log.debug("no warm-up", model=name, signature=signature.name, why=error.message)
        except Exception:  # a runtime's own error is the model's business, until a real request meets it
            log.info("no warm-up", model=name, signature=signature.name, exc_info=True)


def unfit(error: DragomanError) -> DragomanError:
    """The error for a model that does not outlive its warm-up."""
    return DragomanError(
        error.code, f"warm-up: {error.message}; with warm_up: false in its model.yaml it loads without"
    )

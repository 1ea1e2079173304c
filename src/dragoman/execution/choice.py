"""How a version's calls will be run, decided when it loads."""

import asyncio
import os
from typing import Final

import structlog

from dragoman.core.errors import invalid
from dragoman.engines.base import EmbeddingModel, LoadedModel, RankingModel, RemoteModel, TextModel
from dragoman.execution.agreement import disagreement
from dragoman.execution.batching import BatchingRunner
from dragoman.execution.images.preparation import decoder
from dragoman.execution.images.runner import PreparingRunner
from dragoman.execution.remote import PreparingRemoteRunner, RemoteRunner, RemoteTextRunner
from dragoman.execution.runners import LocalRunner
from dragoman.execution.text.embedding import EmbeddingRunner
from dragoman.execution.text.runner import TextRunner
from dragoman.execution.warmup import warm_up_local, warm_up_worker
from dragoman.execution.workers.handlers.model import HandlerModel
from dragoman.execution.workers.handlers.runner import HandlerRunner
from dragoman.execution.workers.model import WorkerModel
from dragoman.execution.workers.runner import WorkerRunner
from dragoman.repository.handle import Runner
from dragoman.repository.preprocessing import needs_preparation, takes_images
from dragoman.settings.limits import Limits
from dragoman.settings.model import BatchingSettings, ModelSettings
from dragoman.telemetry.measures import Told, untold

USUAL_LIMITS: Final = Limits()


def make_runner(
    model: LoadedModel,
    settings: ModelSettings,
    name: str,
    version: int,
    *,
    loop: asyncio.AbstractEventLoop,
    limits: Limits = USUAL_LIMITS,
    measured: Told = untold,
) -> Runner:
    """A runner as the model's settings ask for it. Requests are joined only if the signature's rows allow it.

    `loop` is the server's; this itself is called on another thread. `measured` hears what handlers measure.
    """
    threads = settings.threads or len(os.sched_getaffinity(0))
    if isinstance(model, HandlerModel):
        return HandlerRunner(model, loop, measured=measured)
    if isinstance(model, EmbeddingModel | RankingModel):
        return EmbeddingRunner(model, name, threads, settings.max_queue)
    if isinstance(model, TextModel):
        return TextRunner(model, settings, name, loop)
    prepares = PreparingRunner
    if isinstance(model, RemoteModel):
        runner: Runner = remote_runner(model, settings, name, loop)
        prepares = PreparingRemoteRunner
    elif isinstance(model, WorkerModel):
        runner = worker_runner(model, settings, name, version, loop)
    else:
        runner = local_runner(model, settings, name, version, threads)
    if needs_preparation(model.signatures, settings.preprocessing):
        if takes_images(model.signatures, settings.preprocessing):
            decoder()  # on this thread and now, so that the loop does not wait for it with the first image
        return prepares(runner, name, threads, settings.max_queue, limits)
    return runner


def remote_runner(
    model: RemoteModel, settings: ModelSettings, name: str, loop: asyncio.AbstractEventLoop
) -> RemoteRunner:
    """A runner that calls another server."""
    writes = any(signature.text is not None for signature in model.signatures.values())
    make = RemoteTextRunner if writes else RemoteRunner
    return make(model, name, settings.max_queue, loop)


def local_runner(
    model: LoadedModel, settings: ModelSettings, name: str, version: int, threads: int
) -> Runner:
    """A runner in this process, batching where that is wanted and the rows allow it."""
    batches = settings.batching is not None
    local = LocalRunner(model, name, threads, settings.max_queue, counts_rows=batches)
    warm_up_local(local, model, settings.warm_up, name)
    return joining(local, settings, name, joinable_signatures(model, settings, name, version))


def worker_runner(
    model: WorkerModel, settings: ModelSettings, name: str, version: int, loop: asyncio.AbstractEventLoop
) -> Runner:
    """The same for a model in workers, which gets made-up inputs only where its settings ask for that.

    Errors: UNAVAILABLE or DEADLINE_EXCEEDED where the worker ends or hangs over them.
    """
    warm_up_worker(model, settings.warm_up, name)
    joinable = joinable_signatures(model, settings, name, version)
    return joining(WorkerRunner(model, loop), settings, name, joinable)  # which takes the workers over


def joining(
    runner: LocalRunner | WorkerRunner, settings: ModelSettings, name: str, joinable: frozenset[str]
) -> Runner:
    """The runner, behind one that joins requests for these signatures of the engine's."""
    if settings.batching is None or not joinable:
        return runner
    return BatchingRunner(runner, settings.batching, name, joinable)


def joinable_signatures(
    model: LoadedModel, settings: ModelSettings, name: str, version: int
) -> frozenset[str]:
    """The engine's signatures whose rows do not depend on each other, where batching is wanted.

    Each of the others is a warning.
    """
    if settings.batching is None:
        return frozenset()
    check_sizes(settings.batching)
    joinable = set()
    for signature in model.signatures.values():
        why_not = disagreement(model, signature)
        if why_not is None:
            joinable.add(signature.name)
            continue
        structlog.get_logger("dragoman.execution").warning(
            "batching is off", model=name, version=version, signature=signature.name, why=why_not
        )
    return frozenset(joinable)


def check_sizes(batching: BatchingSettings) -> None:
    """Nothing, if the allowed sizes can be used.

    Errors: INVALID_ARGUMENT in TensorFlow Serving's words.
    """
    sizes = batching.allowed_sizes
    if not sizes:
        return
    if list(sizes) != sorted(set(sizes)):
        raise invalid("batching.allowed_sizes: allowed_batch_sizes entries must be monotonically increasing")
    if sizes[-1] != batching.max_size:
        raise invalid(
            "batching.allowed_sizes: Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}; expected {batching.max_size}"
        )

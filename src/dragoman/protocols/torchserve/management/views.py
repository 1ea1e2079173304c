"""Models as lists and descriptions show them: views of the repository's report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Kind, PayloadRequest, Target
from dragoman.core.responses import CoreResponse, PayloadResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.status import (
    ModelStatus,
    StatusReport,
    VersionStatus,
    WorkersStatus,
    WorkerState,
    WorkerStatus,
)
from dragoman.core.terms import USUAL_TERMS
from dragoman.protocols.torchserve.answers import Manner, document
from dragoman.protocols.torchserve.errors import answer_error, unknown_model, unknown_version
from dragoman.protocols.torchserve.management.parameters import named, read_query
from dragoman.wire.json_tree import load
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Question

MOST_LISTED: Final = 100
ALL: Final = "all"
FIRST_WORKER: Final = 9000  # the reference counts its workers' ports
JSON_DEPTH: Final = 100
NONE: Final = WorkersStatus(0, 0, 0)


class Described(Question):
    """The question what a model has to say of itself."""

    asked: str


def listed(report: StatusReport) -> list[tuple[str, VersionStatus]]:
    """Every model with the version that is called where none is named, sorted by name."""
    found = []
    for name, model in report.models.items():
        version = model.usual if model.known else None
        if version is not None:
            found.append((name, version))
    return sorted(found)


def answer_list(manner: Manner, wire: WireRequest, report: StatusReport) -> WireResponse:
    """A page of the models; a token where another may follow."""
    given = read_query(wire)
    limit, offset = given.number("limit"), given.number("next_page_token")
    return document(manner, 200, page(report, limit, offset))


def page(report: StatusReport, limit: int | None, offset: int | None) -> dict[str, Any]:
    """So many models from there on; the token is there even where the page ends at the end."""
    found = listed(report)
    size = limit if limit is not None and 0 <= limit <= MOST_LISTED else MOST_LISTED
    start = max(offset or 0, 0)
    made: dict[str, Any] = {}
    if start + size <= len(found):
        made["nextPageToken"] = str(start + size)
    made["models"] = [
        {"modelName": name, "modelUrl": version.origin} for name, version in found[start : start + size]
    ]
    return made


def ask_model(wire: WireRequest, report: StatusReport) -> Described | None:
    """What the model itself is asked, where the caller wants to know that, and it may be asked anything.

    Errors: those of `versions_meant`.
    """
    model, asked = named(wire)
    if asked == ALL or not read_query(wire).on("customized", usual=False):
        return None
    return question(report, model, asked)


def question(report: StatusReport, model: str, asked: str | None) -> Described | None:
    """The same without a path.

    Errors: those of `versions_meant`.
    """
    version = versions_meant(report, model, asked)[0]
    signature = version.signatures.get(DEFAULT_SIGNATURE)
    if signature is None or Kind.PAYLOAD not in signature.accepts:
        return None
    request = PayloadRequest(signature.name, [], {"describe": "True"})
    return Described(Target(model, version_name=asked), request, asked or "")


def answer_describe(
    manner: Manner, wire: WireRequest, report: StatusReport, said: CoreResponse | None
) -> WireResponse:
    """A list of one version, or of all, with what the model said of itself.

    Errors: those of `versions_meant`.
    """
    model, asked = named(wire)
    return document(manner, 200, described(report, model, asked, said))


def described(
    report: StatusReport, model: str, asked: str | None, said: CoreResponse | None = None
) -> list[dict[str, Any]]:
    """The same as a tree."""
    found = [view_of(model, version) for version in versions_meant(report, model, asked)]
    if isinstance(said, PayloadResponse) and len(said.body):
        found[0]["customizedMetadata"] = metadata(said)
    return found


def metadata(said: PayloadResponse) -> Any:
    """The object that a model said; an empty one where it said something else."""
    try:
        value = load(said.body, JSON_DEPTH)
    except DragomanError:
        return {}
    return value if isinstance(value, dict) else {}


def versions_meant(report: StatusReport, name: str, asked: str | None) -> Sequence[VersionStatus]:
    """The versions that a caller means: one, or all.

    Errors: NOT_FOUND.
    """
    model = report.models.get(name)
    if model is None or not model.known or model.usual is None:
        raise unknown_model(name)
    if asked == ALL:
        return model.there
    return [version_of(model, asked)]


def version_of(model: ModelStatus, asked: str | None) -> VersionStatus:
    """The version of that name; None = the one that is called where none is named.

    Errors: NOT_FOUND.
    """
    found = model.usual if asked is None else model.named(asked)
    if found is None or found not in model.there:
        raise unknown_version(model.name, asked or "")
    return found


def view_of(name: str, version: VersionStatus) -> dict[str, Any]:
    """One version."""
    staff = NONE if version.workers is None else version.workers()
    terms = USUAL_TERMS if version.workers is None else staff.terms
    view: dict[str, Any] = {
        "modelName": name,
        "modelVersion": version.called,
        "modelUrl": version.origin,
        "runtime": terms.runtime,
        "minWorkers": staff.minimum,
        "maxWorkers": staff.maximum,
        "batchSize": terms.batch_size,
        "maxBatchDelay": terms.batch_delay_ms,
        "responseTimeout": terms.response_timeout_s,
        "startupTimeout": terms.startup_timeout_s,
        "maxRetryTimeoutInSec": terms.retry_s,
        "clientTimeoutInMills": terms.client_timeout_ms,
        "parallelType": "",
        "parallelLevel": 0,
        "deviceType": "gpu" if terms.gpus else "cpu",
    }
    if terms.gpus:
        view["deviceIds"] = list(terms.gpus)
    return view | {
        "continuousBatching": False,
        "useJobTicket": False,
        "useVenv": False,
        "stateful": False,
        "sequenceMaxIdleMSec": 0,
        "sequenceTimeoutMSec": 0,
        "maxNumSequence": 0,
        "maxSequenceJobQueueSize": 0,
        "loadedAtStartup": not version.registered,
        "workers": [worker_view(worker) for worker in staff.workers],
        "jobQueueStatus": {
            "remainingCapacity": max(terms.queue - staff.waiting, 0),
            "pendingRequests": staff.waiting,
        },
    }


def worker_view(worker: WorkerStatus) -> dict[str, Any]:
    """One worker; one without a process has the id -1, as in the reference."""
    at = datetime.fromtimestamp(worker.started_at_s, UTC).isoformat(timespec="milliseconds")
    return {
        "id": str(FIRST_WORKER + int(worker.id)) if worker.id.isdecimal() else worker.id,
        "startTime": at.replace("+00:00", "Z"),
        "status": "READY" if worker.state is WorkerState.READY else "UNLOADING",
        "memoryUsage": worker.memory_bytes,
        "pid": -1 if worker.pid is None else worker.pid,
        "gpu": worker.gpu is not None,
        "gpuUsage": "N/A",
    }


def fail_describe(manner: Manner, asking: Described | None, error: DragomanError) -> WireResponse:
    """A description that there is not."""
    return answer_error(manner, no_worker(asking, error))


def no_worker(asking: Described | None, error: DragomanError) -> DragomanError:
    """The error in the reference's words where a model has nobody to ask."""
    if asking is not None and error.reason in (Reason.NO_WORKER, Reason.QUEUE_FULL):
        message = (
            f'Model "{asking.target.model} has no worker to serve describe request. '
            "Please use scale workers API to add workers."  # the quote that is not closed is the reference's
        )
        return DragomanError(Code.UNAVAILABLE, message, reason=Reason.NO_WORKER)
    return error

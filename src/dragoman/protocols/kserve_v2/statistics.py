"""What versions have done since they were loaded, in the words of Triton's statistics extension.

Every key is always there: a client that measures subtracts one answer from another.
"""

from collections.abc import Iterator
from typing import Any

from dragoman.core.requests import Target
from dragoman.core.statistics import PartStatistics, Times, VersionStatistics
from dragoman.core.status import StatusReport, VersionStatus
from dragoman.protocols.kserve_v2.status import ready_versions, serving_version
from dragoman.protocols.kserve_v2.target import read_target
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse


def answer_statistics(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The statistics of one version, or of every version of a model that serves.

    Errors: as `serving_version`.
    """
    return WireResponse(200, dump({"model_stats": list(statistics(read_target(wire), report))}))


def answer_all_statistics(_: WireRequest, report: StatusReport) -> WireResponse:
    """The statistics of every version that serves."""
    return WireResponse(200, dump({"model_stats": list(all_statistics(report))}))


def statistics(target: Target, report: StatusReport) -> Iterator[dict[str, Any]]:
    """A `ModelStatistics` of each version that is meant, as a tree.

    Errors: as `serving_version`.
    """
    model, serving = serving_version(target, report)
    versions = [serving] if target.version is not None else ready_versions(model)
    return (version_statistics(model.name, version) for version in versions)


def all_statistics(report: StatusReport) -> Iterator[dict[str, Any]]:
    """The same of every version that serves."""
    for model in report.models.values():
        for version in ready_versions(model):
            yield version_statistics(model.name, version)


def version_statistics(model: str, version: VersionStatus) -> dict[str, Any]:
    """The `ModelStatistics` of one version. There is no cache, and what memory it takes is not known."""
    counters = version.statistics or VersionStatistics()
    done = counters.succeeded
    return {
        "name": model,
        "version": str(version.version),
        "last_inference": counters.last_ms,
        "inference_count": counters.rows,
        "execution_count": counters.runs,
        "inference_stats": {
            "success": duration(done, counters.succeeded_ns),
            "fail": duration(counters.failed, counters.failed_ns),
            "queue": duration(done, counters.queue_ns),
            "compute_input": duration(done, counters.input_ns),
            "compute_infer": duration(done, counters.infer_ns),
            "compute_output": duration(done, counters.output_ns),
            "cache_hit": duration(0, 0),
            "cache_miss": duration(0, 0),
        },
        "response_stats": {str(place): part_statistics(part) for place, part in enumerate(counters.parts)},
        "batch_stats": [
            {
                "batch_size": size,
                "compute_input": duration(batch.runs, batch.input_ns),
                "compute_infer": duration(batch.runs, batch.infer_ns),
                "compute_output": duration(batch.runs, batch.output_ns),
            }
            for size, batch in sorted(counters.batches.items())
        ],
        "memory_usage": [],
    }


def part_statistics(part: PartStatistics) -> dict[str, Any]:
    """An `InferResponseStatistics`: what was streamed at one place of an answer."""
    return {
        "compute_infer": times(part.infer),
        "compute_output": times(part.output),
        "success": times(part.sent),
        "fail": times(part.failed),
        "empty_response": times(part.empty),
        "cancel": times(part.cancelled),
    }


def times(counted: Times) -> dict[str, int]:
    """A `StatisticDuration` of what was counted by itself."""
    return duration(counted.count, counted.ns)


def duration(count: int, ns: int) -> dict[str, int]:
    """A `StatisticDuration`."""
    return {"count": count, "ns": ns}

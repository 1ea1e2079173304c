"""The counters of a loaded version."""

from time import perf_counter_ns, time_ns

from dragoman.core.statistics import MOST_PARTS, Run, VersionStatistics


def test_a_request_adds_its_times_its_rows_and_its_run() -> None:
    statistics = VersionStatistics()
    statistics.succeed(Run(infer_ns=50, queue_ns=7, rows=3), 20, 10, 1000, 1100)
    statistics.succeed(Run(infer_ns=60, rows=3), 21, 11, 2000, 2200)
    assert (statistics.succeeded, statistics.succeeded_ns) == (2, 300)
    assert (statistics.queue_ns, statistics.input_ns) == (7, 41)
    assert (statistics.infer_ns, statistics.output_ns) == (110, 21)
    assert (statistics.rows, statistics.runs) == (6, 2)
    batch = statistics.batches[3]
    assert (batch.runs, batch.input_ns, batch.infer_ns, batch.output_ns) == (2, 41, 110, 21)


def test_a_batch_counts_as_one_run_and_its_time_for_each_of_its_requests() -> None:
    statistics = VersionStatistics()
    batch = statistics.ran(5, 90)
    for rows in (2, 3):
        statistics.succeed(Run(90, 0, rows, batch), 1, 2, 0, 100)
    assert (statistics.rows, statistics.runs, statistics.infer_ns) == (5, 1, 180)
    assert (batch.runs, batch.infer_ns, batch.input_ns, batch.output_ns) == (1, 90, 2, 4)


def test_a_request_whose_runner_measures_nothing_is_one_run_of_one_row() -> None:
    statistics = VersionStatistics()
    statistics.succeed(None, 1, 2, 0, 10)
    assert (statistics.rows, statistics.runs, statistics.infer_ns) == (1, 1, 0)


def test_failures_are_counted_apart() -> None:
    statistics = VersionStatistics()
    statistics.fail(30)
    assert (statistics.failed, statistics.failed_ns) == (1, 30)
    assert (statistics.succeeded, statistics.runs, statistics.last_ms) == (0, 0, 0)


def test_the_time_of_the_last_answer_is_unix_time_and_stays_as_it_was_told() -> None:
    statistics = VersionStatistics()
    before_ms = time_ns() // 1_000_000
    statistics.succeed(None, 0, 0, 0, perf_counter_ns())
    told = statistics.last_ms
    assert before_ms - 1 <= told <= time_ns() // 1_000_000 + 1
    assert all(statistics.last_ms == told for _ in range(1000))


def test_the_parts_of_streams_are_counted_by_their_place_up_to_a_last_one() -> None:
    statistics = VersionStatistics()
    for index in range(MOST_PARTS + 2):
        statistics.part(index).add(5, 2, empty=index == 0)
    assert len(statistics.parts) == MOST_PARTS
    first, last = statistics.parts[0], statistics.parts[-1]
    assert (first.sent.count, first.infer.ns, first.output.ns, first.empty.count) == (1, 5, 2, 1)
    assert (last.sent.count, last.sent.ns, last.empty.count) == (3, 21, 0)


def test_several_runs_for_one_request_add_up_and_count_each() -> None:
    statistics = VersionStatistics()
    shared = statistics.ran(8, 7)
    statistics.succeed(statistics.joined([Run(5, 1, 2), None, Run(7, 2, 3, shared)]), 1, 1, 0, 9)
    assert (statistics.infer_ns, statistics.queue_ns, statistics.rows) == (12, 3, 6)
    assert (statistics.succeeded, {size: batch.runs for size, batch in statistics.batches.items()}) == (
        1,
        {8: 1, 2: 1, 1: 1},
    )
    assert VersionStatistics().joined([]).rows == 0

"""Outcomes in words."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.conformance.runner import Outcome, Result

SHOWN: Final = 600  # characters of a body that a report shows


def summary(results: Sequence[Result]) -> str:
    """`137 passed, 2 failed`: every outcome that occurred, and always the number that passed."""
    counts = Counter(result.outcome for result in results)
    shown = [outcome for outcome in Outcome if counts[outcome] or outcome is Outcome.PASSED]
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in shown)


def describe(result: Result) -> str:
    """A case that did not pass: its request, what was expected and what came."""
    case = result.case
    lines = [f"  {case.id}: {result.outcome.value}: {case.why}", f"    request   {case.method} {case.path}"]
    body = case.payload()
    if body is not None:
        lines.append(f"              {shown(body)}")
    lines += [f"    expected  {shown(repr(wanted).encode())}" for wanted in case.accepted]
    if result.answer is not None:
        lines.append(f"    answered  {result.answer.status} {shown(result.answer.body)}")
    lines += [f"    because   {problem}" for problem in result.problems]
    return "\n".join(lines)


def shown(body: bytes) -> str:
    """A body for a report: text, cut where it is long."""
    text = body.decode("utf-8", errors="backslashreplace")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(body)} bytes)"

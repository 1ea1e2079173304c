"""Outcomes in words."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.conformance.forms import cut
from tests.conformance.runner import Outcome, Result


def summary(results: Sequence[Result]) -> str:
    """`137 passed, 2 failed`: every outcome that occurred, and always the number that passed."""
    counts = Counter(result.outcome for result in results)
    shown = [outcome for outcome in Outcome if counts[outcome] or outcome is Outcome.PASSED]
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in shown)


def describe(result: Result) -> str:
    """A case that did not pass: its request, what was expected and what came."""
    case, form = result.case, result.form
    lines = [f"  {case.id}: {result.outcome.value}: {case.why}"]
    lines += labelled("request", form.request(case))
    lines += labelled("expected", [cut(repr(wanted)) for wanted in case.accepted])
    if result.answer is not None:
        lines += labelled("answered", [form.answer(result.answer)])
    lines += labelled("because", result.problems)
    return "\n".join(lines)


def labelled(label: str, texts: Sequence[str]) -> Iterator[str]:
    """Lines in a column beside their label."""
    for number, text in enumerate(texts):
        yield f"    {'' if number else label:<10}{text}"

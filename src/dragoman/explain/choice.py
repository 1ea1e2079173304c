"""What explains a version, decided when it loads."""

from collections.abc import Mapping

from dragoman.core.requests import Kind
from dragoman.core.signatures import Signature
from dragoman.explain.background import read_setting
from dragoman.explain.explainer import Explainer
from dragoman.explain.output import first_float
from dragoman.explain.pace import Company
from dragoman.repository.handle import Runner
from dragoman.repository.source import Candidate

OFF = "off"


def make_explainer(
    candidate: Candidate, signatures: Mapping[str, Signature], *, company: Company
) -> Runner | None:
    """What explains the answers of a version with these signatures; None = nothing does.

    Errors: INVALID_ARGUMENT for a baseline in the model's settings that is none.
    """
    settings = candidate.settings.explain
    if settings.method == OFF or not any(map(is_explained, signatures.values())):
        return None
    return Explainer(settings, candidate.model, read_setting(settings.baseline, candidate.path), company)


def is_explained(signature: Signature) -> bool:
    """Whether its answers are numbers that depend on tensors."""
    return (
        Kind.TENSORS in signature.accepts
        and not signature.untyped
        and bool(signature.inputs)
        and first_float(signature) is not None
    )

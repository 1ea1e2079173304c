"""What explains a version, decided when it loads."""

import os
from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Kind
from dragoman.core.signatures import Signature
from dragoman.explain.background import read_setting
from dragoman.explain.calls import MOST_ROWS
from dragoman.explain.code import CodeExplainer
from dragoman.explain.explainer import Explainer
from dragoman.explain.output import first_float
from dragoman.explain.pace import Company
from dragoman.repository.handle import Handle, Runner
from dragoman.repository.sidecar import SIDECAR
from dragoman.repository.source import Candidate

OFF: Final = "off"
FILE: Final = "explainer.py"
LoadCode = Callable[[Candidate, str], Handle]  # the explainer in the file at that path, in a worker


def make_explainer(
    candidate: Candidate,
    signatures: Mapping[str, Signature],
    *,
    company: Company,
    load_code: LoadCode,
) -> Runner | None:
    """What explains the answers of a version with these signatures; None = nothing does.

    Errors: INVALID_ARGUMENT for a baseline in the model's settings that is none; those of an `explainer.py`
    that does not load.
    """
    settings = candidate.settings.explain
    takes_tensors = [one for one in signatures.values() if is_explained(one)]
    if settings.method == OFF or not takes_tensors:
        return None
    code = load(candidate, load_code)
    if code is None and not any(map(first_float, takes_tensors)):
        return None
    baseline = read_setting(settings.baseline, candidate.path)
    batching = candidate.settings.batching
    most_rows = MOST_ROWS if batching is None else min(MOST_ROWS, batching.max_size)
    return Explainer(settings, candidate.model, baseline, company, code, most_rows)


def load(candidate: Candidate, load_code: LoadCode) -> CodeExplainer | DragomanError | None:
    """The model's own explainer; None = it has none; an error = it has one that nobody trusts."""
    path = os.path.join(candidate.path, FILE)
    if candidate.pipeline is not None or not os.path.isdir(candidate.path) or not os.path.isfile(path):
        return None
    if candidate.upload or not (candidate.named or candidate.settings.trust == "code"):
        return DragomanError(
            Code.FAILED_PRECONDITION,
            f"{candidate.shown}/{FILE} is code, which runs only where it is trusted: set trust: code in "
            f"{candidate.model}/{SIDECAR}, or start with --trust-code; or name another parameters.method",
        )
    return CodeExplainer(load_code(candidate, path))


def is_explained(signature: Signature) -> bool:
    """Whether its answers depend on tensors."""
    return Kind.TENSORS in signature.accepts and not signature.untyped and bool(signature.inputs)

"""Whether a request has an input for each of the model's."""

from collections.abc import Collection
from typing import Final

from dragoman.core.errors import invalid
from dragoman.core.signatures import Signature

COUNT: Final = "Invalid number of inputs"
MISSING: Final = "Missing input with specific name"


def check_names(given: Collection[str], signature: Signature) -> None:
    """Nothing, if these are the names of the inputs; one that has a default may be left out.

    Errors: INVALID_ARGUMENT.
    """
    specs = signature.inputs
    missing = [name for name, spec in specs.items() if name not in given and spec.default is None]
    needed = len(missing) + sum(name in given for name in specs)
    if len(given) != needed:
        raise invalid(f"{COUNT} - Expected: {needed}; Actual: {len(given)}")
    if missing:
        raise invalid(f"{MISSING} - Required input: {missing[0]}")

"""Claims folders with a `model.py` and loads the class in it.

Loading changes the process it happens in (`sys.path`, `sys.modules`), and the code may do anything: hence the
trust of this engine, which keeps it in workers.
"""

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot, Trust
from dragoman.engines.python_code import import_module
from dragoman.engines.python_model.code import find_class, made
from dragoman.engines.python_model.declaration import declared_concurrency, declared_signature
from dragoman.engines.python_model.model import PythonModel
from dragoman.settings.model import ModelSettings

FILE: Final = "model.py"


class PythonModelEngine(Engine):
    """Python classes with a `predict`."""

    name: ClassVar[str] = "python"
    looks_for: ClassVar[str] = FILE
    trust: ClassVar[Trust] = Trust.RUNS_CODE

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder with `model.py` in it, or that file alone."""
        return Claim(FILE, (FILE,)) if FILE in files.files else None

    def estimate(self, artifact: Artifact) -> Resources:
        """The size of the files beside `model.py`: what else the code takes is not known."""
        size = 0
        for folder, _, names in os.walk(os.path.dirname(artifact.path)):
            size += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
        return Resources(size)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> PythonModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT naming the attribute that does not fit; FAILED_PRECONDITION for a module
        that is missing; INTERNAL for code that raises anything else.
        """
        model = made(find_class(import_module(artifact.path)), artifact, options)
        return PythonModel(
            model,
            declared_signature(model),
            declared_concurrency(model),
            f"model {artifact.model} version {artifact.version}",
        )

"""Claims unpacked model archives. What is in them runs in workers, of which this package knows nothing."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Claim, Engine, LoadedModel, Resources, TreeSnapshot, Trust
from dragoman.settings.manifest import MANIFEST
from dragoman.settings.model import ModelSettings


class HandlerEngine(Engine):
    """Handlers of TorchServe, which take whole bodies."""

    name: ClassVar[str] = "handler"
    looks_for: ClassVar[str] = MANIFEST
    trust: ClassVar[Trust] = Trust.RUNS_CODE

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A folder with a manifest."""
        return Claim("", (MANIFEST,)) if MANIFEST in files.files else None

    def estimate(self, artifact: Artifact) -> Resources:
        """The size of the files in one process: what else the code takes is not known."""
        size = 0
        for folder, _, names in os.walk(artifact.path):
            size += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
        return Resources(size)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> LoadedModel:
        """Nothing: who puts the server together has handlers loaded in workers."""
        raise DragomanError(Code.FAILED_PRECONDITION, "handlers are loaded in worker processes only")

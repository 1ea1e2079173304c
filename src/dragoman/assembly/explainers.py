"""Loads the explainers that come as code beside models."""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from dragoman.engines.base import Artifact, Engine
from dragoman.execution.choice import make_runner
from dragoman.repository.handle import Handle
from dragoman.repository.source import Candidate


def code_loader(engine: Engine, loop: asyncio.AbstractEventLoop) -> Callable[[Candidate, str], Handle]:
    """What loads the file at a path for a version, in a worker of its own. It blocks.

    Errors of what it gives: those of the engine.
    """

    def load(candidate: Candidate, path: str) -> Handle:
        settings = replace(candidate.settings, trust="code", instances=1, batching=None)
        name = f"{candidate.model}'s explainer"
        artifact = Artifact(path, name, candidate.version, settings)
        model = engine.load(artifact, {})
        runner = make_runner(model, settings, name, candidate.version, loop=loop)
        return Handle(name, candidate.version, model.signatures, runner)

    return load

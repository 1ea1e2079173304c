"""What every model of another server has."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, ClassVar, Final

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.engines.base import Artifact
from dragoman.engines.upstream import Answer, BreakerState, Request, Upstream
from dragoman.settings.external import ExternalSettings

UNSEEN: Final = frozenset({404, 405, 501})  # a server that answers so is there, and tells no more of itself
ENGINE: Final = "external"


class ExternalModel(ABC):
    """A model behind one server. `introduce` is called once, before any other call."""

    health_path: ClassVar[str] = ""  # what is asked for to see whether it is well
    seen: ClassVar[frozenset[int]] = UNSEEN  # what it may answer there besides 2xx

    def __init__(self, artifact: Artifact, settings: ExternalSettings, upstream: Upstream) -> None:
        self.signatures: Mapping[str, Signature] = {}
        self.concurrency = settings.connections
        self.check_s = settings.check_s
        self._ill = ""  # what its last check found
        self.upstream = upstream
        self.settings = settings
        self.name = artifact.model
        self.their_name = settings.model or artifact.model
        self.text_settings = artifact.settings.text

    @property
    def trouble(self) -> str:
        """Why it is left alone, else why its last check failed; empty = it is well."""
        breaker = self.upstream.breaker
        return self._ill if breaker.state is BreakerState.CLOSED else breaker.last_failure

    @abstractmethod
    async def introduce(self, upstream: Upstream) -> None:
        """Ask the server what the model takes, or whether the server is there at all.

        Errors: DragomanError.
        """

    @abstractmethod
    async def answer(self, request: CoreRequest, call: CallContext) -> CoreResponse:
        """The whole answer."""

    async def parts(self, request: CoreRequest, call: CallContext) -> AsyncGenerator[Chunk, None]:
        """The whole answer as the only part."""
        response = await self.answer(request, call)
        if not isinstance(response, TensorResponse):
            raise DragomanError(Code.UNIMPLEMENTED, f"model {self.name} does not stream this")
        yield Chunk(response.outputs, response.run)

    async def check(self) -> None:
        """Ask whether the server is well."""
        try:
            await self.looked(self.upstream, self.health_path)
            self._ill = ""
        except DragomanError as error:
            self._ill = error.message

    async def looked(self, upstream: Upstream, path: str) -> None:
        """Nothing, if something answers at the path.

        Errors: DragomanError.
        """
        await upstream.call(Request("GET", path, idempotent=True), nothing, seen=self.seen)

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """Nothing: it is called on the event loop only."""
        raise DragomanError(
            Code.FAILED_PRECONDITION, "a model of another server is called by its runner only"
        )

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """Nothing, too."""
        raise DragomanError(
            Code.FAILED_PRECONDITION, "a model of another server is called by its runner only"
        )

    def release(self) -> None:
        """Close connections that wait."""
        self.upstream.close()

    def close(self) -> None:
        """Take no more calls."""
        self.check_s = 0.0


def nothing(answer: Answer) -> Any:
    """Nothing of an answer."""

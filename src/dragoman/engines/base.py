"""What an engine is: the seam between the repository and a model runtime."""

import enum
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.generation import Finish, Ids, Sampling, TextTraits
from dragoman.core.requests import CoreRequest, EmbedRequest, RankRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, EmbedResponse, RankResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.settings.external import ExternalSettings
from dragoman.settings.model import ModelSettings


class Trust(enum.Enum):
    """Whether loading a model of this engine can run code that came with it."""

    DATA_ONLY = "data_only"
    RUNS_CODE = "runs_code"


class FileStat(Struct, frozen=True):
    """One file of a version folder."""

    size: int
    mtime_ns: int


class TreeSnapshot(Struct, frozen=True):
    """The files below a version folder, by relative POSIX path; `root` is the folder, or the one file."""

    root: str
    files: Mapping[str, FileStat]

    @property
    def top_level(self) -> list[str]:
        """Names directly in the folder, sorted."""
        return sorted({name.split("/", 1)[0] for name in self.files})


class Claim(Struct, frozen=True):
    """An engine says that it can load these files; `entry` is the file or folder to load, below the root."""

    entry: str
    required: tuple[str, ...] = ()  # files that must be there for the version to be complete


class PythonEnvironment(Struct, frozen=True):
    """With what a model's code runs, where that is not just what the server itself runs with.

    `packages` = a folder of modules that come before the server's, and after those of the model's own folder.
    """

    interpreter: str = ""
    packages: str = ""


class Reach(Struct, frozen=True):
    """Another server that a model lives in, and the ways to it. Both may block, and are called on threads.

    `key` gives what is shown to it; empty = nothing. `resolve` gives the family and address of every place
    that a host is at, and raises DragomanError where one of them may not be called.
    """

    settings: ExternalSettings
    key: Callable[[], str]
    resolve: Callable[[str, int], Sequence[tuple[int, Any]]]


class Artifact(Struct, frozen=True):
    """What is loaded: the absolute path of the claim's entry; model and version are for messages.

    `reach` instead of a path for a model that lives in another server.
    """

    path: str
    model: str
    version: int
    settings: ModelSettings = ModelSettings()
    python: PythonEnvironment = PythonEnvironment()
    reach: Reach | None = None


class Resources(Struct, frozen=True):
    """An upper bound of what a loaded version takes, in bytes."""

    memory_bytes: int


def nobody_told(text: str) -> None:
    """Where nobody is told how loading goes."""


def always() -> bool:
    """A load that is wanted to its end."""
    return True


class Progress(Struct, frozen=True):
    """How a load that takes minutes tells what it does, and learns that it is not wanted any more."""

    tell: Callable[[str], None] = nobody_told
    wanted: Callable[[], bool] = always


class GivesWayError(DragomanError):
    """An engine cannot load files that it claims, and another one that claims them may."""


class LoadedModel(Protocol):
    """A model in memory. `infer` and `stream` are synchronous and know no event loop.

    `concurrency` is how many calls may overlap. A request's inputs and outputs are keyed by the engine's own
    names (`TensorSpec.source`), its signature is `Signature.source`.
    """

    signatures: Mapping[str, Signature]
    concurrency: int

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer to one request."""

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer in parts; looks at `call.cancelled` between them."""

    def close(self) -> None:
        """Give everything back. Calling it twice does no harm."""


@runtime_checkable
class Streamed(Protocol):
    """A model whose runtime says how many calls it computes at once, of those that it takes at once."""

    streams: int


class Emission(Struct):
    """What one step gave to one text: tokens, their logarithms of probability, why it ends if it does.

    `error` = it ends because the engine failed.
    """

    handle: int
    ids: Ids = ()
    logprobs: Sequence[float] = ()
    finish: Finish | None = None
    error: DragomanError | None = None


class TextTokenizer(Protocol):
    """A model's way from text to tokens and back. Used on several threads."""

    size: int  # tokens are the numbers below it

    def encode(self, text: str, *, special: bool) -> list[int]:
        """The tokens; `special` = with those that the model wants around a text."""

    def decode(self, ids: Ids, *, special: bool) -> str:
        """The text; `special` = with what stands for tokens that are no text."""

    def table(self, *, special: bool) -> Sequence[bytes] | None:
        """The bytes of each token, where a text is just those of its tokens; None where it is more."""


class ChatTemplate(Struct, frozen=True):
    """How a conversation becomes a prompt, in Jinja; `variables` are the tokens it knows by name."""

    source: str
    variables: Mapping[str, str] = {}


class Scored(Struct, frozen=True):
    """How likely a token was at its place, and the likeliest there, best first, with theirs; logarithms."""

    logprob: float
    best: tuple[tuple[int, float], ...] = ()


@runtime_checkable
class Scoring(Protocol):
    """A model of texts that can tell of tokens which it did not choose. It blocks."""

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        """The tokens from `first` on, which is above 0, each with so many of the likeliest at its place."""


@runtime_checkable
class Masking(Protocol):
    """A model of texts that can tell how likely a text is with tokens masked. It blocks."""

    def likelihoods(self, ids: Ids, first: int, masked: Sequence[range]) -> Sequence[float]:
        """The logarithm of probability of all tokens from `first` on, which is above 0, once for each range.

        The tokens at a range's places are before `first`; no other token attends to them.
        """


@runtime_checkable
class TextModel(Protocol):
    """A model that writes text, many at once, step by step on a thread of its own.

    `at_once` = how many texts it writes together; `ends` = the tokens that end one. All but `deliver` and the
    tokenizer is called on one thread; nothing of it waits for a step. `template` None = it is none for chats.
    """

    signatures: Mapping[str, Signature]
    traits: TextTraits
    tokenizer: TextTokenizer
    template: ChatTemplate | None
    ends: frozenset[int]
    at_once: int

    def start(self, deliver: Callable[[Sequence[Emission]], None]) -> None:
        """Have what each step gives handed to `deliver`, which is called on the model's own thread."""

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        """Begin a text; what its emissions are known by."""

    def cancel(self, handle: int) -> None:
        """End a text with the step that is under way. What still comes of it is not looked at."""

    def close(self) -> None:
        """Give everything back. Calling it twice does no harm."""


@runtime_checkable
class EmbeddingModel(Protocol):
    """A model that makes vectors of texts. It blocks, and knows no event loop.

    `concurrency` is how many calls may overlap.
    """

    signatures: Mapping[str, Signature]
    concurrency: int

    def tokens(self, text: str, *, special: bool) -> Ids:
        """A text's tokens; `special` = with those that the model wants around it."""

    def embed(self, request: EmbedRequest, call: CallContext) -> EmbedResponse:
        """A vector for each text. Ends early, and for nothing, once the call is cancelled."""

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The same for texts in a tensor."""

    def close(self) -> None:
        """Give everything back. Calling it twice does no harm."""


@runtime_checkable
class JoiningModel(Protocol):
    """A model of vectors that answers several calls at once, each as if it were alone."""

    def embed_all(
        self, requests: Sequence[EmbedRequest], calls: Sequence[CallContext]
    ) -> Sequence[EmbedResponse | DragomanError]:
        """The answer to each call, or its error; what nobody waits for any more is CANCELLED."""


@runtime_checkable
class RankingModel(Protocol):
    """A model that tells how well documents fit a query. It blocks, and knows no event loop.

    `concurrency` is how many calls may overlap.
    """

    signatures: Mapping[str, Signature]
    concurrency: int

    def rank(self, request: RankRequest, call: CallContext) -> RankResponse:
        """A number for each document. Ends early, and for nothing, once the call is cancelled."""

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The same for texts in tensors."""

    def close(self) -> None:
        """Give everything back. Calling it twice does no harm."""


@runtime_checkable
class RemoteModel(Protocol):
    """A model that lives in another server. Called on the event loop, where it waits without blocking.

    Requests are of the kinds that its signature accepts, but for tensors of texts, which come as prompts or
    texts. `concurrency` is how many may overlap; `check_s` = how often `check` wants to be called, 0 = never.
    """

    signatures: Mapping[str, Signature]
    concurrency: int
    check_s: float

    @property
    def trouble(self) -> str:
        """What is wrong with the other server, as far as is known; empty = nothing."""

    async def answer(self, request: CoreRequest, call: CallContext) -> CoreResponse:
        """The whole answer."""

    def parts(self, request: CoreRequest, call: CallContext) -> AsyncGenerator[Chunk, None]:
        """The answer in parts, as the other server sends them."""

    async def check(self) -> None:
        """Ask whether it is well, which `trouble` then tells."""

    def release(self) -> None:
        """Close connections that wait; on the event loop's thread."""

    def close(self) -> None:
        """Take no more calls. Calling it twice does no harm."""


class Engine(ABC):
    """A model runtime. Its package is imported inside `load`, so an engine that is not used costs nothing."""

    name: ClassVar[str]
    looks_for: ClassVar[str]  # the files it claims, in words for a message
    trust: ClassVar[Trust] = Trust.DATA_ONLY
    package: ClassVar[str | None] = None  # what is imported, where that is an extra
    tensor_names: ClassVar[str] = ""  # the file beside a model by which it names inputs and outputs itself
    # Options that can name files or libraries of this machine: a model's owner sets them, no request does.
    closed_options: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def is_installed(cls) -> bool:
        """Whether its package is there."""
        return cls.package is None or importlib.util.find_spec(cls.package) is not None

    @classmethod
    def is_ready(cls, claim: Claim, options: Mapping[str, Any]) -> bool:
        """Whether all is there that loading these files needs; asked where several engines claim them."""
        return cls.is_installed()

    @classmethod
    @abstractmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """Whether these files are this engine's; decided by names alone."""

    @abstractmethod
    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound of what loading takes."""

    @abstractmethod
    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> LoadedModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option that is none, INTERNAL for a file the runtime refuses,
        FAILED_PRECONDITION where the runtime's package is missing; the message names it.
        """

    def load_telling(self, artifact: Artifact, options: Mapping[str, Any], progress: Progress) -> LoadedModel:
        """The same, by an engine that may take minutes and tells so.

        Errors: those of `load`; CANCELLED once it is not wanted any more; GivesWayError.
        """
        return self.load(artifact, options)

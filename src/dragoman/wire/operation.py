"""The five kinds of operation: what a protocol is, as data.

A protocol is a set of pure functions between wire bytes and the neutral core. An operation bundles the
functions that belong to one route; the gateway calls them in a fixed order, and the protocol never sees a
model, a socket or a task.
"""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct, field

from dragoman.core.access import Permission
from dragoman.core.control import ControlRequest, ControlResult
from dragoman.core.errors import DragomanError
from dragoman.core.requests import CoreRequest, Target, Verb
from dragoman.core.responses import Chunk, CoreResponse
from dragoman.core.signatures import Signature
from dragoman.core.status import StatusReport
from dragoman.settings.limits import Limits
from dragoman.wire.example_call import ExampleMaker
from dragoman.wire.messages import Headers, WireRequest, WireResponse


class Draft(Struct):
    """A request, parsed but not yet bound to a model. Codecs subclass it with what they need to remember."""

    target: Target


class StreamEncoder(Protocol):
    """Writes one streamed answer."""

    def head(self, first: Chunk | None) -> WireResponse:
        """Status and headers; asked for at the first chunk, so that it or an early failure can choose them.

        `first` None = there is no chunk, or it was not waited for.
        """

    def chunk(self, item: Chunk) -> bytes:
        """One part."""

    def end(self) -> bytes | None:
        """What follows the last part; None = nothing."""

    def fail(self, error: DragomanError) -> bytes | WireResponse:
        """An error after the head is sent: a last part, or a status that ends the call where that can be."""


class InferOperation(Struct, frozen=True):
    """A call of a model: parse -> pin -> bind -> run -> encode; `fail` wherever that breaks.

    `parse` knows no model. `bind` gets the signature of the pinned version. Both raise DragomanError only.
    `stream` gives an encoder where the caller asked for an answer in parts, else None. It is asked after
    `bind`. `head_at_once`: what the encoder's head says does not hang on the first part, which is not waited
    for. `one_part`: of a model that answers in parts alone exactly one is taken; else its parts are joined.

    What takes long is done on a thread. `reading` says how many bytes `parse` and `bind` have to work through
    (asked of large bodies only; without it, all of the body), `writing` how many `encode` has to (without it,
    few unless the request was long). Tensors that are taken or sent as they lie there do not count.
    `binds_at_once`: of a body that is little to read by that count, `bind` takes next to none of it.

    The response that `encode` gets is of the kind of the request that `bind` gave. `tells_id`: every answer
    names its request. `ends_at_eof`: a client that shuts its writing side counts as gone, and what it asked
    for is given up; else it may still want to read.
    """

    name: str  # "tfs.rest.predict": log, metric label, test id
    verb: Verb
    parse: Callable[[WireRequest, Limits], Draft]
    bind: Callable[[Any, Signature], CoreRequest]
    encode: Callable[[Any, Any], WireResponse]
    fail: Callable[[Any, DragomanError], WireResponse]
    stream: Callable[[Any], StreamEncoder | None] | None = None
    head_at_once: bool = False
    one_part: bool = False
    binds_at_once: bool = False
    reading: Callable[[WireRequest], int] | None = None
    writing: Callable[[Any, Any], int] | None = None
    tells_id: bool = False
    ends_at_eof: bool = False


class MultiDraft(Draft):
    """Several requests in one. `target` is the version that answers all; each part names its signature."""

    parts: Sequence[Draft]


class MultiInferOperation(Struct, frozen=True):
    """Several calls of one model in one request: parse -> pin -> bind and run each part -> encode.

    `bind` gets a part and its signature; `encode` gets the whole draft and the answers in the parts' order.
    """

    name: str
    verb: Verb
    parse: Callable[[WireRequest, Limits], MultiDraft]
    bind: Callable[[Any, Signature], CoreRequest]
    encode: Callable[[Any, Sequence[Any]], WireResponse]
    fail: Callable[[Any, DragomanError], WireResponse]


class StatusOperation(Struct, frozen=True):
    """A view of the state of models. `permission` None = open to everyone.

    `about` says which model a request means, where its path does not; for those who count requests.
    """

    name: str
    answer: Callable[[WireRequest, StatusReport], WireResponse]
    fail: Callable[[Any, DragomanError], WireResponse]
    permission: Permission | None = Permission.STATUS
    about: Callable[[WireRequest], Target] | None = None


class Question(Draft):
    """What a view asks a model about itself."""

    request: CoreRequest


class ViewOperation(Struct, frozen=True):
    """A view of the state of models that may ask one of them about itself, which is a call of it.

    `asks` gives the question, None = there is none; `answer` gets what the model said, where it was asked.
    """

    name: str
    asks: Callable[[WireRequest, StatusReport], Question | None]
    answer: Callable[[WireRequest, StatusReport, CoreResponse | None], WireResponse]
    fail: Callable[[Any, DragomanError], WireResponse]
    permission: Permission | None = Permission.STATUS


class ControlOperation(Struct, frozen=True):
    """A change of the repository. `fail` gets what `parse` gave, or None where that failed.

    `keys_itself`: it is carried out for whoever shows a key in it, from anywhere.
    """

    name: str
    parse: Callable[[WireRequest, Limits], ControlRequest]
    encode: Callable[[ControlResult], WireResponse]
    fail: Callable[[Any, DragomanError], WireResponse]
    keys_itself: bool = False


class Order(enum.Enum):
    """How the answers of a duplex stream follow its messages. Those that come in parts wait for no other."""

    AS_SENT = "as_sent"
    AS_READY = "as_ready"


class StreamOperation(Struct, frozen=True):
    """A duplex stream: each message is its own parse -> pin -> bind -> run."""

    name: str
    message: InferOperation
    order: Order


Operation = (
    InferOperation
    | MultiInferOperation
    | StatusOperation
    | ViewOperation
    | ControlOperation
    | StreamOperation
)


class Choice(Struct, frozen=True):
    """Several operations for one path: what a request's headers say chooses among them.

    The router chooses when it first meets a head, and heads repeat: what is chosen costs a request nothing.
    """

    choose: Callable[[Headers], Operation]


# What answers on a path that several protocols own, from what each of them, by its name, would do there.
Arbiter = Callable[[Mapping[str, Operation]], Operation | Choice]


class HttpRoute(Struct, frozen=True):
    """One method and path template with what it does.

    `{name}` stands for one or more characters other than `/` and `:`, `{name:digits}` for decimal digits,
    `{name:path}` for anything. Fixed text is compared exactly unless `ignore_case`.
    """

    method: str
    template: str
    operation: Operation
    ignore_case: bool = False


class GrpcForm(Struct, frozen=True):
    """What a listener's settings choose of the form of answers over gRPC."""

    raw_tensors: bool = False
    explicit_reply: Literal["both", "raw", "contents"] = "both"
    stream_dialect: Literal["triton", "mlserver"] = "triton"


class GrpcRoute(Struct, frozen=True):
    """One gRPC method, by its full name `/package.Service/Method`, with what it does.

    `formed` gives the operation for a form, where that makes a difference; `operation` is of the usual form.
    """

    method: str
    operation: Operation
    formed: Callable[[GrpcForm], Operation] | None = None


Refuse = Callable[[WireRequest, DragomanError], WireResponse]
RecordedCall = InferOperation | MultiInferOperation


class Recording(Struct, frozen=True):
    """Requests that lie in a model's version folder, to be replayed before the version serves.

    `read` gives them from the bytes of the file at `path`, below that folder.
    """

    path: str
    read: Callable[[bytes], Iterator[tuple[RecordedCall, WireRequest]]]


class ProtocolSpec(Struct, frozen=True):
    """A protocol as the assembly sees it: its routes, and how it words an error before a route is known.

    `routes` and `grpc` are keyed by dialect name, see `in_dialect`. `prefixes` are the parts of the path
    space whose unknown paths this protocol answers for, but where only another form of it has routes there.
    `homes` are dialects of its own servers, where it answers for every unknown path, as it does there.
    `examples` show people how to call a model, by dialect too. `only_named`: it is spoken only by listeners
    that name it.
    """

    name: str
    prefixes: tuple[str, ...]
    routes: Mapping[str, tuple[HttpRoute, ...]]
    refuse: Refuse
    grpc: Mapping[str, tuple[GrpcRoute, ...]] = field(default_factory=dict)
    recording: Recording | None = None
    examples: Mapping[str, tuple[ExampleMaker, ...]] = field(default_factory=dict)
    homes: Mapping[str, Refuse] = field(default_factory=dict)
    only_named: bool = False


R = TypeVar("R", HttpRoute, GrpcRoute, ExampleMaker)


def in_dialect(routes: Mapping[str, tuple[R, ...]], dialect: str) -> tuple[R, ...]:
    """The routes of a protocol on a listener of that dialect; "superset" is that of the default listener.

    A protocol of one form has it everywhere. One that has strict forms is absent where another server's is
    asked for, which does not have it.
    """
    return routes.get(dialect if dialect in routes or is_absent(routes, dialect) else "superset", ())


def is_absent(routes: Mapping[str, tuple[R, ...]], dialect: str) -> bool:
    """Whether a protocol is not there at all on a listener of that dialect."""
    return len(routes) > 1 and dialect not in routes

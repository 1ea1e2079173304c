"""Settings of pipelines: models that are made of other models."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from dragoman.settings.model import NotNegative, Positive, WorkerSettings

REQUEST: Final = "request"  # the node that the pipeline's inputs come from
RESPONSE: Final = "response"  # the node that its outputs go to; neither name is free for others
DYNAMIC: Final = "dynamic"
MOST_BRANCHES: Final = 10_000  # OpenVINO Model Server: 10000

Branches = Annotated[int, Meta(ge=1, le=MOST_BRANCHES)] | Literal["dynamic"]


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a tensor comes from, in short `node.output`. The pipeline's own inputs are those of `request`."""

    node: str
    output: str

    def __str__(self) -> str:
        return f"{self.node}.{self.output}"


class NodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: a call of a model, or of a node library. An input that has several sources is a mistake."""

    name: str
    model: str | None = None  # a model of this server; else `library`
    version: NotNegative | None = None  # None = the one that serves callers who name none
    signature: str | None = None  # None = the default one
    library: str | None = None  # the name of one of `node_libraries`
    params: dict[str, str] = field(default_factory=dict)  # what the library is told
    inputs: dict[str, Source | tuple[Source, ...]] = field(default_factory=dict)  # of the model: its sources
    outputs: dict[str, str] | None = None  # names for other nodes: the model's own; None = all, by their own
    demultiply: Branches | None = None  # each output is cut along its first axis, into so many branches
    gather_from: str | None = None  # the node whose branches are put together again before this one

    def sources(self, name: str) -> tuple[Source, ...]:
        """Where an input comes from."""
        given = self.inputs[name]
        return (given,) if isinstance(given, Source) else given


class PipelineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that is a graph of calls of other models. Its version is 1."""

    name: str
    inputs: tuple[str, ...]
    nodes: tuple[NodeSettings, ...]
    outputs: dict[str, Source]
    demultiply: Branches | None = None  # each input is cut along its first axis, into so many branches
    any_version: bool = False  # whether callers who name another version are served all the same

    @property
    def unused_inputs(self) -> list[str]:
        """The inputs that go nowhere."""
        sources = [source for node in self.nodes for name in node.inputs for source in node.sources(name)]
        used = {source.output for source in (*sources, *self.outputs.values()) if source.node == REQUEST}
        return [name for name in self.inputs if name not in used]


class NodeLibrary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Python file whose `execute` is a step of pipelines. It runs in worker processes."""

    name: str
    path: str
    trust: Literal["data", "code"] = "data"  # code = the file may be run
    instances: Positive = 1  # worker processes, for each set of params that nodes give
    max_queue: NotNegative = 1024  # calls that may wait for a worker; more are refused
    worker: WorkerSettings = WorkerSettings()

"""The graph of a pipeline: what can be said of it without its models.

1. A node takes its inputs from other nodes, or from `request`; the outputs go to `response`. There is no
   cycle, and every node leads to an output.
2. A node sees of another what that one's `outputs` name; of `request`, the pipeline's inputs.
3. A node with `demultiply` cuts its outputs into branches; what takes from it runs in each of them. A node
   with `gather_from` stands behind the branches of the node it names, `response` behind all that are left.
4. Branches are gathered in the opposite order of their beginning, and all that a node takes comes from the
   same branches.
5. Where the number of branches is known at run time only, there is no other demultiplexer.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from dragoman.execution.pipelines.rules import Fault, Rule
from dragoman.settings.pipeline import DYNAMIC, REQUEST, RESPONSE, NodeSettings, PipelineSettings, Source

Level = tuple[str, ...]  # the demultiplexers in whose branches something happens, outermost first


class Node(Struct, frozen=True):
    """A node in its place: where it runs, and where its outputs are seen."""

    settings: NodeSettings
    level: Level
    gives_at: Level

    @property
    def inputs(self) -> Mapping[str, Source]:
        """Where each input comes from."""
        return {name: self.settings.sources(name)[0] for name in self.settings.inputs}

    def own_name(self, output: str) -> str:
        """What the model calls an output."""
        named = self.settings.outputs
        return output if named is None else named[output]


class Graph(Struct, frozen=True):
    """A pipeline's nodes by name, each after those that it takes from, and where its outputs are seen."""

    settings: PipelineSettings
    nodes: Mapping[str, Node]

    def gives_at(self, name: str) -> Level:
        """Where the outputs of a node, or of `request`, are seen."""
        return entry_level(self.settings) if name == REQUEST else self.nodes[name].gives_at

    def branches(self, demultiplexer: str) -> int | None:
        """How many branches begin there; None = it is known at run time."""
        settings = self.settings if demultiplexer == REQUEST else self.nodes[demultiplexer].settings
        return settings.demultiply if isinstance(settings.demultiply, int) else None


def graph_of(pipeline: PipelineSettings) -> Graph:
    """The graph.

    Errors: FAILED_PRECONDITION naming the first rule that is broken, and by what.
    """
    for fault in faults(pipeline):
        raise fault.error()
    return Graph(pipeline, place(pipeline)[0])


def faults(pipeline: PipelineSettings) -> Iterator[Fault]:
    """Every rule that is broken; those that follow from others are left out."""
    found = [*name_faults(pipeline), *source_faults(pipeline), *demultiplexer_faults(pipeline)]
    yield from found
    if not found:
        found = list(connection_faults(pipeline))
        yield from found
    if not found and (fault := place(pipeline)[1]) is not None:
        yield fault


def name_faults(pipeline: PipelineSettings) -> Iterator[Fault]:
    """Two nodes of one name; `request` and `response` are nodes that are there already."""
    taken = {REQUEST, RESPONSE}
    for index, node in enumerate(pipeline.nodes):
        if node.name in taken:
            yield Fault(Rule.NODE_TWICE, f"nodes[{index}].name", f'node "{node.name}"')
        taken.add(node.name)


def source_faults(pipeline: PipelineSettings) -> Iterator[Fault]:
    """Sources that are not there, and inputs that have several."""
    known = {node.name: node for node in pipeline.nodes}
    for index, node in enumerate(pipeline.nodes):
        for name in node.inputs:
            key, what = f"nodes[{index}].inputs.{name}", f'node "{node.name}", input "{name}"'
            sources = node.sources(name)
            if len(sources) != 1:
                shown = ", ".join(map(str, sources)) or "nowhere"
                yield Fault(Rule.INPUT_TWICE, key, f"{what}: it comes from {shown}")
            for source in sources:
                yield from missing(pipeline, known, source, key, what)
    for name, source in pipeline.outputs.items():
        yield from missing(pipeline, known, source, f"outputs.{name}", f'output "{name}"')


def missing(
    pipeline: PipelineSettings, known: Mapping[str, NodeSettings], source: Source, key: str, what: str
) -> Iterator[Fault]:
    """What is wrong with a source, if anything."""
    outputs: Sequence[str] | Mapping[str, str] | None
    if source.node == RESPONSE:
        yield Fault(Rule.RESPONSE_AS_SOURCE, key, what)
        return
    if source.node == REQUEST:
        outputs = pipeline.inputs
    elif source.node in known:
        outputs = known[source.node].outputs
    else:
        names = ", ".join([REQUEST, *known])
        yield Fault(Rule.MISSING_NODE, key, f'{what}: there is no node "{source.node}"; there is {names}')
        return
    if outputs is not None and source.output not in outputs:
        names = ", ".join(outputs) or "none"
        yield Fault(
            Rule.MISSING_SOURCE,
            key,
            f'{what}: node "{source.node}" has no output "{source.output}"; it has {names}',
        )


def demultiplexer_faults(pipeline: PipelineSettings) -> Iterator[Fault]:
    """Gathering from what begins no branches; several demultiplexers, one of them dynamic."""
    counts = {node.name: node.demultiply for node in pipeline.nodes} | {REQUEST: pipeline.demultiply}
    for index, node in enumerate(pipeline.nodes):
        wanted = node.gather_from
        if wanted is not None and counts.get(wanted) is None:
            rule = Rule.GATHER_ORDINARY if wanted in counts else Rule.GATHER_MISSING
            yield Fault(rule, f"nodes[{index}].gather_from", f'node "{node.name}" gathers from "{wanted}"')
    dividing = [name for name, count in counts.items() if count is not None]
    dynamic = [name for name in dividing if counts[name] == DYNAMIC]
    if dynamic and len(dividing) > 1:
        others = ", ".join(f'"{name}"' for name in dividing if name != dynamic[0])
        detail = f'"{dynamic[0]}" demultiplies dynamically, so nothing else can; {others} does'
        yield Fault(Rule.SEVERAL_DYNAMIC, "nodes", detail)


def connection_faults(pipeline: PipelineSettings) -> Iterator[Fault]:
    """Cycles, else nodes that lead to no output."""
    placed = {node.name for node in ordered(pipeline)}
    left = [node for node in pipeline.nodes if node.name not in placed]
    if left:
        names = cycle(left)
        index = next(index for index, node in enumerate(pipeline.nodes) if node.name == names[0])
        yield Fault(Rule.CYCLE, f"nodes[{index}]", f"nodes {', '.join(names)}")
        return
    by_name = {node.name: node for node in pipeline.nodes}
    leading: set[str] = set()
    todo = [source.node for source in pipeline.outputs.values()]
    while todo:
        name = todo.pop()
        if name in by_name and name not in leading:
            leading.add(name)
            todo += takes_from(by_name[name])
    for index, node in enumerate(pipeline.nodes):
        if node.name not in leading:
            yield Fault(Rule.UNCONNECTED, f"nodes[{index}]", f'node "{node.name}" leads to no output')
    if not pipeline.outputs:
        yield Fault(Rule.UNCONNECTED, "outputs", "the pipeline has no outputs")


def takes_from(node: NodeSettings) -> list[str]:
    """The nodes that a node takes its inputs from."""
    return [source.node for name in node.inputs for source in node.sources(name)]


def ordered(pipeline: PipelineSettings) -> list[NodeSettings]:
    """The nodes, each after those that it takes from; those in cycles, and behind them, are left out."""
    followers: dict[str, list[NodeSettings]] = {}
    waits = {}
    for node in pipeline.nodes:
        names = set(takes_from(node)) - {REQUEST}
        waits[node.name] = len(names)
        for name in names:
            followers.setdefault(name, []).append(node)
    placed = [node for node in pipeline.nodes if not waits[node.name]]
    for node in placed:  # it grows meanwhile
        for follower in followers.get(node.name, ()):
            waits[follower.name] -= 1
            if not waits[follower.name]:
                placed.append(follower)
    return placed


def cycle(nodes: Sequence[NodeSettings]) -> list[str]:
    """The names along one cycle, from the first that stands here on; each node takes from another of them."""
    by_name = {node.name: node for node in nodes}
    path: dict[str, None] = {}
    name = nodes[0].name
    while name not in path:
        path[name] = None
        name = next(name for name in takes_from(by_name[name]) if name in by_name)
    passed = list(path)
    names = passed[passed.index(name) :][::-1]
    members = set(names)
    start = names.index(next(name for name in by_name if name in members))
    return names[start:] + names[:start]


def place(pipeline: PipelineSettings) -> tuple[Mapping[str, Node], Fault | None]:
    """The nodes in their places, and what has none: branches that are mixed, or gathered out of turn."""
    nodes: dict[str, Node] = {}
    indexes = {node.name: index for index, node in enumerate(pipeline.nodes)}
    for settings in ordered(pipeline):
        key, what = f"nodes[{indexes[settings.name]}]", f'node "{settings.name}"'
        levels = arrivals(takes_from(settings), pipeline, nodes)
        if len(levels) > 1:
            return nodes, Fault(Rule.ORDER, f"{key}.inputs", f"{what}: {unlike(levels)}")
        level = next(iter(levels), ())  # what takes nothing runs once
        if settings.gather_from is not None:
            if level[-1:] != (settings.gather_from,):
                detail = f'{what} gathers from "{settings.gather_from}", and takes from {branches(level)}'
                return nodes, Fault(Rule.ORDER, f"{key}.gather_from", detail)
            level = level[:-1]
        gives_at = level if settings.demultiply is None else (*level, settings.name)
        nodes[settings.name] = Node(settings, level, gives_at)
    levels = arrivals([source.node for source in pipeline.outputs.values()], pipeline, nodes)
    fault = Fault(Rule.ORDER, "outputs", f"the outputs: {unlike(levels)}") if len(levels) > 1 else None
    return nodes, fault


def arrivals(names: Sequence[str], pipeline: PipelineSettings, nodes: Mapping[str, Node]) -> list[Level]:
    """Where the outputs of these nodes are seen; each place once."""
    levels = (entry_level(pipeline) if name == REQUEST else nodes[name].gives_at for name in names)
    return list(dict.fromkeys(levels))


def entry_level(pipeline: PipelineSettings) -> Level:
    """Where the pipeline's inputs are seen."""
    return () if pipeline.demultiply is None else (REQUEST,)


def unlike(levels: Sequence[Level]) -> str:
    """Two places that should be one."""
    return f"some comes from {branches(levels[0])}, some from {branches(levels[1])}"


def branches(level: Level) -> str:
    """A place in words, innermost first."""
    return " in ".join(f'branches of "{name}"' for name in reversed(level)) or "no branches"

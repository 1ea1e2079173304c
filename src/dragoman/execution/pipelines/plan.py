"""A pipeline worked out for running: every tensor has a place, every step knows what it waits for.

There is one scope for what runs once, and one for the branches of each demultiplexer. A tensor's place is a
slot of its scope. What is gathered has a slot in the scope around it as well: the lift.
"""

from collections.abc import Mapping

from msgspec import Struct

from dragoman.core.errors import Code
from dragoman.core.signatures import Signature
from dragoman.execution.pipelines.fitting import Signatures
from dragoman.execution.pipelines.graph import Graph, Level, Node
from dragoman.settings.pipeline import REQUEST, Source


class Opening(Struct, frozen=True):
    """Branches that begin: their scope, how many there have to be, the slots around it that gather them.

    `blame`: the error for tensors that cannot be cut so.
    """

    scope: int
    count: int | None
    gathers: tuple[int, ...]
    blame: Code


class Step(Struct, frozen=True):
    """One call: of which part, with what, and where its outputs go, which is into the branches it opens."""

    node: str
    part: int
    signature: Signature
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    wanted: tuple[str, ...] | None  # None = all that the signature has
    opens: Opening | None = None


class Scope(Struct, frozen=True):
    """What runs in one branch: by slot the steps that wait for it, and its lift; by step what it awaits."""

    consumers: tuple[tuple[int, ...], ...]
    lifts: tuple[int | None, ...]
    steps: tuple[Step, ...]
    waits: tuple[int, ...]


class Plan(Struct, frozen=True):
    """The scopes, the outermost first, and the slots of the pipeline's inputs and outputs.

    `opens`: the inputs are cut, and their slots are those of its scope.
    """

    scopes: tuple[Scope, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    opens: Opening | None


def plan_of(graph: Graph, signatures: Signatures, parts: Mapping[str, int]) -> Plan:
    """The plan of a graph whose models fit together. `signatures` and `parts` are by node."""
    return Planner(graph, signatures, parts).plan()


class Place:
    """A scope that is being worked out."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.slots: dict[tuple[str, str], int] = {}  # by node and output
        self.consumers: list[list[int]] = []
        self.lifts: list[int | None] = []
        self.nodes: list[tuple[Node, list[tuple[str, int]]]] = []

    def slot(self, source: Source) -> int:
        """The place of a tensor."""
        key = source.node, source.output
        if key not in self.slots:
            self.slots[key] = len(self.slots)
            self.consumers.append([])
            self.lifts.append(None)
        return self.slots[key]


class Planner:
    """Works out one plan."""

    def __init__(self, graph: Graph, signatures: Signatures, parts: Mapping[str, int]) -> None:
        self._graph = graph
        self._signatures = signatures
        self._parts = parts
        levels = [(), *(graph.gives_at(name) for name in (REQUEST, *graph.nodes))]
        self._places = {level: Place(number) for number, level in enumerate(dict.fromkeys(levels))}

    def plan(self) -> Plan:
        """The plan."""
        for node in self._graph.nodes.values():
            place = self._places[node.level]
            taken = [(name, self._seen_at(node.level, source)) for name, source in node.inputs.items()]
            for slot in dict.fromkeys(slot for _, slot in taken):
                place.consumers[slot].append(len(place.nodes))
            place.nodes.append((node, taken))
        outputs = tuple(
            (name, self._seen_at((), source)) for name, source in self._graph.settings.outputs.items()
        )
        entry = self._graph.gives_at(REQUEST)
        inputs = self._given_at(entry, REQUEST)
        opens = self._opening(entry, REQUEST) if entry else None
        return Plan(tuple(map(self._scope, self._places.values())), inputs, outputs, opens)

    def _seen_at(self, level: Level, source: Source) -> int:
        """A tensor's slot at a level: its own, or that where all branches of it are gathered."""
        slot = self._places[level].slot(source)
        given_at = self._graph.gives_at(source.node)
        if given_at != level:
            inner = given_at[: len(level) + 1]
            self._places[inner].lifts[self._seen_at(inner, source)] = slot
        return slot

    def _given_at(self, level: Level, node: str) -> tuple[tuple[str, int], ...]:
        """The outputs of a node that somebody takes, and their slots."""
        return tuple(
            (output, slot) for (name, output), slot in self._places[level].slots.items() if name == node
        )

    def _scope(self, place: Place) -> Scope:
        return Scope(
            tuple(map(tuple, place.consumers)),
            tuple(place.lifts),
            tuple(self._step(node, inputs) for node, inputs in place.nodes),
            tuple(len({slot for _, slot in inputs}) for _, inputs in place.nodes),
        )

    def _step(self, node: Node, inputs: list[tuple[str, int]]) -> Step:
        name = node.settings.name
        signature = self._signatures[name]
        given = self._given_at(node.gives_at, name)
        outputs = tuple((node.own_name(output), slot) for output, slot in given)
        wanted = tuple(dict.fromkeys(own for own, _ in outputs))
        return Step(
            name,
            self._parts[name],
            signature,
            tuple(inputs),
            outputs,
            None if set(wanted) == signature.outputs.keys() else wanted,
            self._opening(node.gives_at, name) if node.gives_at != node.level else None,
        )

    def _opening(self, level: Level, demultiplexer: str) -> Opening:
        place = self._places[level]
        gathers = tuple(lift for lift in place.lifts if lift is not None)
        blame = Code.INVALID_ARGUMENT if demultiplexer == REQUEST else Code.INTERNAL
        return Opening(place.number, self._graph.branches(demultiplexer), gathers, blame)

"""From a pipeline's settings, and its models as they are now, to what runs its calls."""

from collections.abc import Iterator, Mapping

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature
from dragoman.execution.pipelines.fitting import pipeline_signature
from dragoman.execution.pipelines.graph import Graph, Node, graph_of
from dragoman.execution.pipelines.libraries import Lease, NodeLibraries
from dragoman.execution.pipelines.rules import Rule, broken
from dragoman.execution.pipelines.runner import Pin, PipelineRunner
from dragoman.repository.handle import default_signature
from dragoman.repository.loader import Composed
from dragoman.repository.parts import Part
from dragoman.repository.source import Candidate

Parts = Mapping[tuple[str, int | None], Part]


class Composer:
    """Puts pipelines together. Called on threads; blocks while libraries load."""

    def __init__(self, libraries: NodeLibraries, pin: Pin) -> None:
        self._libraries = libraries
        self._pin = pin

    def __call__(self, candidate: Candidate) -> Composed:
        """The pipeline, ready to be run.

        Errors: FAILED_PRECONDITION or INVALID_ARGUMENT naming the rule that is broken; those of libraries.
        """
        if candidate.pipeline is None:
            raise TypeError(f"{candidate.model} is no pipeline")
        graph = graph_of(candidate.pipeline)
        parts = {(part.model, part.version): part for part in candidate.parts}
        chosen = dict(models(graph, parts))
        leases: dict[str, Lease] = {}

        def close() -> None:
            for lease in leases.values():
                lease.give_back()

        try:
            leases.update(self._leases(graph, candidate))
            for name, lease in leases.items():
                chosen[name] = signature_of(graph.nodes[name], lease.handle.signatures)
            signature = pipeline_signature(graph, chosen)
        except BaseException:
            close()
            raise
        libraries = {name: lease.handle for name, lease in leases.items()}
        return Composed(
            {signature.name: signature}, PipelineRunner(graph, signature, libraries, self._pin, close)
        )

    def _leases(self, graph: Graph, candidate: Candidate) -> Iterator[tuple[str, Lease]]:
        """The libraries that nodes call, by node."""
        known = {library.name: library for library in candidate.libraries}
        for name, node in graph.nodes.items():
            wanted = node.settings.library
            if wanted is None:
                continue
            if wanted not in known:
                raise broken(Rule.LIBRARY, f'node "{name}": there is no node library "{wanted}"')
            try:
                yield name, self._libraries.lease(known[wanted], node.settings.params)
            except DragomanError as error:
                raise DragomanError(error.code, f'node "{name}": {error.message}') from error


def models(graph: Graph, parts: Parts) -> Iterator[tuple[str, Signature]]:
    """The signature that each node calls of its model.

    Errors: FAILED_PRECONDITION for a model that does not serve.
    """
    for name, node in graph.nodes.items():
        model, version = node.settings.model, node.settings.version
        if model is None:
            continue
        part = parts.get((model, version))
        if part is None or part.signatures is None:
            meant = f'model "{model}"' if version is None else f'version {version} of model "{model}"'
            why = "is a pipeline" if part is not None and part.is_pipeline else "does not serve"
            raise broken(Rule.MISSING_MODEL, f'node "{name}": {meant} {why}')
        yield name, signature_of(node, part.signatures)


def signature_of(node: Node, signatures: Mapping[str, Signature]) -> Signature:
    """The signature that a node calls.

    Errors: FAILED_PRECONDITION for one that is not there.
    """
    wanted = node.settings.signature
    found = default_signature(signatures) if wanted is None else signatures.get(wanted)
    if found is None:
        names = ", ".join(sorted(signatures))
        missing = "no default signature" if wanted is None else f'no signature "{wanted}"'
        raise broken(
            Rule.MISSING_MODEL, f'node "{node.settings.name}": its model has {missing}; it has {names}'
        )
    return found

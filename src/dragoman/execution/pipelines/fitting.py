"""Whether the models of a pipeline fit together, and the signature that follows from theirs.

1. Every input of a model is fed, unless it has a default. A source has the input's type, and a shape that
   agrees with the input's: after it was cut by a demultiplexer, or stacked by a node that gathers.
2. A pipeline's input is what all that take from it have in common. One that only goes to the outputs is
   float32 of any shape, since nothing tells more.
3. A tensor that is cut has a first axis, of as many elements as there are branches, where both are known.
4. It takes encoded images where all that take from it do, each of which decodes them for itself; one that
   goes to the outputs as well takes none.
5. Each demultiplexer that no node gathers from adds an axis to the outputs, the outermost first.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, show_shape
from dragoman.execution.pipelines.graph import Graph, Node
from dragoman.execution.pipelines.rules import Rule, broken
from dragoman.execution.pipelines.shapes import agree, cut, intersection, stacked
from dragoman.settings.pipeline import REQUEST, Source

Signatures = Mapping[str, Signature]  # by node
Specs = dict[str, TensorSpec]


def pipeline_signature(graph: Graph, signatures: Signatures) -> Signature:
    """What callers see of the pipeline.

    Errors: FAILED_PRECONDITION, or INVALID_ARGUMENT for shapes and types, naming the broken rule and by what.
    """
    inputs: Specs = {}
    for node in graph.nodes.values():
        signature = signatures[node.settings.name]
        check_inputs(node, signature)
        for name, source in node.inputs.items():
            wanted = as_taken(graph, node, signature.inputs[name])
            if source.node == REQUEST:
                take(inputs, source.output, wanted, node)
            else:
                check_source(graph, source, signatures, wanted, node)
    outputs = {
        name: output(graph, name, source, signatures, inputs)
        for name, source in graph.settings.outputs.items()
    }
    ordered = {name: inputs[name] for name in graph.settings.inputs if name in inputs}
    return Signature(DEFAULT_SIGNATURE, {name: entry(graph, spec) for name, spec in ordered.items()}, outputs)


def check_inputs(node: Node, signature: Signature) -> None:
    """Nothing, if what is fed is what the model takes."""
    what, takes = f'node "{node.settings.name}"', ", ".join(signature.inputs) or "nothing"
    if Kind.TENSORS not in signature.accepts:
        raise broken(Rule.MISSING_MODEL, f'{what}: signature "{signature.name}" takes Examples, not tensors')
    for name in node.inputs:
        if name not in signature.inputs:
            raise broken(Rule.MISSING_INPUT, f'{what}: there is no input "{name}"; the model takes {takes}')
    for name, spec in signature.inputs.items():
        if name not in node.inputs and spec.default is None:
            raise broken(Rule.UNCONNECTED_INPUT, f'{what}: input "{name}" comes from nowhere')


def as_taken(graph: Graph, node: Node, spec: TensorSpec) -> TensorSpec:
    """An input as its source has to be where it is given: of a node that gathers, one branch."""
    gathered = node.settings.gather_from
    if gathered is None:
        return spec
    what = f'node "{node.settings.name}", input "{spec.name}"'
    return branch_of(spec, graph.branches(gathered), what)


def branch_of(spec: TensorSpec, count: int | None, what: str) -> TensorSpec:
    """One of the branches that a tensor is cut into."""
    if spec.shape is not None:
        if not spec.shape:
            raise broken(Rule.TOO_FEW_DIMENSIONS, f"{what} is a single value")
        if not agree(spec.shape[:1], (count,)):
            raise broken(Rule.COUNT, f"{what} has shape {show_shape(spec.shape)}; there are {count} branches")
    return replace(spec, shape=cut(spec.shape), layout=None, image=None)


def take(inputs: Specs, name: str, wanted: TensorSpec, node: Node) -> None:
    """Narrow a pipeline's input down to what one more node takes."""
    known = inputs.get(name)
    if known is None:
        inputs[name] = TensorSpec(name, wanted.dtype, wanted.shape, name, wanted.layout, image=wanted.image)
        return
    if known.dtype is not wanted.dtype or not agree(known.shape, wanted.shape):
        raise broken(
            Rule.AMBIGUOUS_INPUT,
            f'input "{name}" is {shown(known)}, and {shown(wanted)} for node "{node.settings.name}"',
        )
    layout = known.layout if known.layout == wanted.layout else None
    image = None if wanted.image is None else known.image
    shape = intersection(known.shape, wanted.shape)
    inputs[name] = replace(known, shape=shape, layout=layout, image=image)


def check_source(
    graph: Graph, source: Source, signatures: Signatures, wanted: TensorSpec, node: Node
) -> None:
    """Nothing, if what a node gives is what another one takes."""
    given = given_by(graph, source, signatures)
    what = f'node "{node.settings.name}", input "{wanted.name}"'
    if not agree(given.shape, wanted.shape):
        raise broken(Rule.SHAPE, f"{what}: {source} is {shown(given)}, {shown(wanted)} is expected")
    if given.dtype is not wanted.dtype:
        raise broken(Rule.DTYPE, f"{what}: {source} is {shown(given)}, {shown(wanted)} is expected")


def given_by(graph: Graph, source: Source, signatures: Signatures) -> TensorSpec:
    """An output of a node as others see it: of a demultiplexer, one branch."""
    node = graph.nodes[source.node]
    own = node.own_name(source.output)
    outputs = signatures[source.node].outputs
    if own not in outputs:
        names = ", ".join(outputs) or "none"
        raise broken(
            Rule.MISSING_OUTPUT,
            f'node "{source.node}": there is no output "{own}"; the model has {names}',
        )
    if node.settings.demultiply is None:
        return outputs[own]
    return branch_of(outputs[own], graph.branches(source.node), f'node "{source.node}", output "{own}"')


def output(graph: Graph, name: str, source: Source, signatures: Signatures, inputs: Specs) -> TensorSpec:
    """An output of the pipeline."""
    if source.node == REQUEST:
        given = inputs.get(source.output, TensorSpec(source.output, DType.FP32, None, source.output))
        inputs[source.output] = given = replace(given, image=None)
    else:
        given = given_by(graph, source, signatures)
    shape = given.shape
    level = graph.gives_at(source.node)
    for demultiplexer in reversed(level):
        shape = stacked(shape, graph.branches(demultiplexer))
    return TensorSpec(name, given.dtype, shape, name, None if level else given.layout)


def entry(graph: Graph, spec: TensorSpec) -> TensorSpec:
    """An input of the pipeline as callers give it: where it is cut at the entry, all branches."""
    if graph.settings.demultiply is None:
        return spec
    shape = stacked(spec.shape, graph.branches(REQUEST))
    return replace(spec, shape=shape, layout=with_branches(spec.layout))


def with_branches(layout: str | None) -> str | None:
    """A layout with the axis of the branches before it, in OpenVINO's letters: NHWC becomes N?HWC."""
    return None if layout is None else f"N?{layout.removeprefix('N')}"


def shown(spec: TensorSpec) -> str:
    """Type and shape for a message."""
    return f"{spec.dtype.value} {show_shape(spec.shape)}"

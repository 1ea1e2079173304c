"""What can be said of a pipeline's graph without its models."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.pipelines.graph import faults, graph_of
from dragoman.execution.pipelines.rules import Rule
from tests.unit.execution.pipelines.graphs import pipeline, step

# What is wrong, the nodes, the outputs, other keys; then the broken rule, the key and what is said.
BAD = [
    (
        "two nodes of one name",
        [step("a"), step("a", "a.y")], {"out": "a.y"}, {},
        Rule.NODE_TWICE, "nodes[1].name", 'node "a"',
    ),
    (
        "a node that is called request",
        [step("request")], {"out": "request.in"}, {},
        Rule.NODE_TWICE, "nodes[0].name", 'node "request"',
    ),
    (
        "a node that is called response",
        [step("a"), step("response", "a.y")], {"out": "a.y"}, {},
        Rule.NODE_TWICE, "nodes[1].name", 'node "response"',
    ),
    (
        "a source that is no node",
        [step("a", "b.y")], {"out": "a.y"}, {},
        Rule.MISSING_NODE, "nodes[0].inputs.x",
        'node "a", input "x": there is no node "b"; there is request, a',
    ),
    (
        "an output that comes from no node",
        [step("a")], {"out": "b.y"}, {},
        Rule.MISSING_NODE, "outputs.out", 'output "out": there is no node "b"; there is request, a',
    ),
    (
        "the model's own name of an output that has another one here",
        [step("a", outputs={"half": "y"}), step("b", "a.y")], {"out": "b.y"}, {},
        Rule.MISSING_SOURCE, "nodes[1].inputs.x",
        'node "b", input "x": node "a" has no output "y"; it has half',
    ),
    (
        "an output that a node does not show",
        [step("a", outputs={})], {"out": "a.y"}, {},
        Rule.MISSING_SOURCE, "outputs.out", 'output "out": node "a" has no output "y"; it has none',
    ),
    (
        "an input that the pipeline does not have",
        [step("a", "request.other")], {"out": "a.y"}, {},
        Rule.MISSING_SOURCE, "nodes[0].inputs.x",
        'node "a", input "x": node "request" has no output "other"; it has in',
    ),
    (
        "the response as a source",
        [step("a", "response.out")], {"out": "a.y"}, {},
        Rule.RESPONSE_AS_SOURCE, "nodes[0].inputs.x", 'node "a", input "x"',
    ),
    (
        "an input from two sources",
        [step("a"), step("b", ["request.in", "a.y"])], {"out": "b.y"}, {},
        Rule.INPUT_TWICE, "nodes[1].inputs.x", 'node "b", input "x": it comes from request.in, a.y',
    ),
    (
        "an input from no source",
        [step("a", [])], {"out": "a.y"}, {},
        Rule.INPUT_TWICE, "nodes[0].inputs.x", 'node "a", input "x": it comes from nowhere',
    ),
    (
        "a node that takes from itself",
        [step("a", "a.y")], {"out": "a.y"}, {},
        Rule.CYCLE, "nodes[0]", "nodes a",
    ),
    (
        "a cycle behind an ordinary node, with another node behind it",
        [step("a"), {"name": "b", "inputs": {"x": "a.y", "z": "d.y"}}, step("c", "b.y"), step("d", "c.y"),
         step("e", "d.y")],
        {"out": "e.y"}, {},
        Rule.CYCLE, "nodes[1]", "nodes b, c, d",
    ),
    (
        "a node that leads nowhere",
        [step("a"), step("b", "a.y"), step("c", "b.y")], {"out": "a.y"}, {},
        Rule.UNCONNECTED, "nodes[1]", 'node "b" leads to no output',
    ),
    (
        "no outputs",
        [], {}, {},
        Rule.UNCONNECTED, "outputs", "the pipeline has no outputs",
    ),
    (
        "gathering from what is not there",
        [step("a", gather_from="b")], {"out": "a.y"}, {},
        Rule.GATHER_MISSING, "nodes[0].gather_from", 'node "a" gathers from "b"',
    ),
    (
        "gathering from a node that cuts nothing",
        [step("a"), step("b", "a.y", gather_from="a")], {"out": "b.y"}, {},
        Rule.GATHER_ORDINARY, "nodes[1].gather_from", 'node "b" gathers from "a"',
    ),
    (
        "gathering from the request that cuts nothing",
        [step("a", gather_from="request")], {"out": "a.y"}, {},
        Rule.GATHER_ORDINARY, "nodes[0].gather_from", 'node "a" gathers from "request"',
    ),
    (
        "two demultiplexers, one of them dynamic",
        [step("a", demultiply=2), step("b", "a.y", demultiply="dynamic")], {"out": "b.y"}, {},
        Rule.SEVERAL_DYNAMIC, "nodes", '"b" demultiplies dynamically, so nothing else can; "a" does',
    ),
    (
        "a dynamic entry and a demultiplexer",
        [step("a", demultiply=2)], {"out": "a.y"}, {"demultiply": "dynamic"},
        Rule.SEVERAL_DYNAMIC, "nodes", '"request" demultiplies dynamically, so nothing else can; "a" does',
    ),
    (
        "inputs from inside branches and from outside",
        [step("a", demultiply=2), {"name": "b", "inputs": {"x": "a.y", "z": "request.in"}}],
        {"out": "b.y"}, {},
        Rule.ORDER, "nodes[1].inputs",
        'node "b": some comes from branches of "a", some from no branches',
    ),
    (
        "inputs from two demultiplexers side by side",
        [step("a", demultiply=2), step("b", demultiply=2), {"name": "c", "inputs": {"x": "a.y", "z": "b.y"}}],
        {"out": "c.y"}, {},
        Rule.ORDER, "nodes[2].inputs",
        'node "c": some comes from branches of "a", some from branches of "b"',
    ),
    (
        "outputs from inside branches and from outside",
        [step("a"), step("b", "a.y", demultiply=2), step("c", "b.y")], {"out": "c.y", "mid": "a.y"}, {},
        Rule.ORDER, "outputs", 'the outputs: some comes from branches of "b", some from no branches',
    ),
    (
        "branches that are gathered out of turn",
        [step("a", demultiply=2), step("b", "a.y", demultiply=3), step("c", "b.y", gather_from="a")],
        {"out": "c.y"}, {},
        Rule.ORDER, "nodes[2].gather_from",
        'node "c" gathers from "a", and takes from branches of "b" in branches of "a"',
    ),
    (
        "branches that are gathered twice",
        [step("a", demultiply=2), step("b", "a.y", gather_from="a"), step("c", "b.y", gather_from="a")],
        {"out": "c.y"}, {},
        Rule.ORDER, "nodes[2].gather_from", 'node "c" gathers from "a", and takes from no branches',
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "outputs", "more", "rule", "key", "detail"),
    [row[1:] for row in BAD],
    ids=[row[0] for row in BAD],
)
def test_a_bad_graph_is_told_by_rule_key_and_detail(nodes, outputs, more, rule, key, detail):
    bad = pipeline(nodes, outputs, **more)
    found = next(faults(bad))
    assert (found.rule, found.key, found.detail) == (rule, key, detail)
    with pytest.raises(DragomanError) as caught:
        graph_of(bad)
    assert (caught.value.code, caught.value.message) == (Code.FAILED_PRECONDITION, f"{rule.value} - {detail}")


def test_every_rule_that_needs_no_models_is_in_the_table():
    need_models = {
        Rule.LIBRARY, Rule.MISSING_MODEL, Rule.MISSING_OUTPUT, Rule.MISSING_INPUT, Rule.UNCONNECTED_INPUT,
        Rule.SHAPE, Rule.DTYPE, Rule.AMBIGUOUS_INPUT, Rule.TOO_FEW_DIMENSIONS, Rule.COUNT,
    }  # fmt: skip
    assert {row[4] for row in BAD} == set(Rule) - need_models


def test_all_faults_are_told_at_once_but_not_those_that_follow_from_others():
    bad = pipeline([step("a", "b.y"), step("a", "c.y"), step("d", gather_from="e")], {"out": "a.y"})
    assert [fault.rule for fault in faults(bad)] == [
        Rule.NODE_TWICE, Rule.MISSING_NODE, Rule.MISSING_NODE, Rule.GATHER_MISSING,
    ]  # fmt: skip


def test_nodes_come_after_those_that_they_take_from_however_they_are_written():
    graph = graph_of(pipeline([step("c", "b.y"), step("b", "a.y"), step("a")], {"out": "c.y"}))
    assert list(graph.nodes) == ["a", "b", "c"]


def test_a_node_that_takes_nothing_runs_once_and_an_input_may_go_straight_to_the_outputs():
    graph = graph_of(pipeline([{"name": "a"}], {"out": "a.y", "same": "request.in"}))
    assert graph.nodes["a"].level == ()


def test_two_names_of_one_output_and_one_output_for_many_nodes_are_allowed():
    nodes = [step("a", outputs={"one": "y", "other": "y"}), step("b", "a.one"), step("c", "a.one")]
    graph = graph_of(pipeline(nodes, {"b": "b.y", "c": "c.y", "other": "a.other"}))
    assert [graph.nodes["a"].own_name(name) for name in ("one", "other")] == ["y", "y"]


def test_branches_nest_and_are_gathered_in_the_opposite_order():
    nodes = [
        step("a", demultiply=2),
        step("b", "a.y", demultiply=3),
        step("c", "b.y"),
        step("d", "c.y", gather_from="b"),
        step("e", "d.y", gather_from="a", demultiply=4),
    ]
    graph = graph_of(pipeline(nodes, {"out": "e.y"}))
    assert {name: one.level for name, one in graph.nodes.items()} == {
        "a": (), "b": ("a",), "c": ("a", "b"), "d": ("a",), "e": (),
    }  # fmt: skip
    assert graph.gives_at("e") == ("e",)
    assert [graph.branches(name) for name in ("a", "b", "e")] == [2, 3, 4]


def test_what_is_cut_at_the_entry_can_be_gathered_by_a_node():
    nodes = [step("a"), step("b", "a.y", gather_from="request")]
    graph = graph_of(pipeline(nodes, {"out": "b.y"}, demultiply="dynamic"))
    assert (graph.nodes["a"].level, graph.nodes["b"].level) == (("request",), ())
    assert graph.branches("request") is None


def test_a_long_chain_is_worked_out_in_no_time():
    length = 3000
    nodes = [step("n0"), *(step(f"n{i}", f"n{i - 1}.y") for i in range(1, length))]
    graph = graph_of(pipeline(nodes[::-1], {"out": f"n{length - 1}.y"}))
    assert list(graph.nodes)[-1] == f"n{length - 1}"

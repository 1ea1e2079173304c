"""Whether models fit together, and the signature that follows."""

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.images import ImageSpec
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.execution.pipelines.fitting import pipeline_signature
from dragoman.execution.pipelines.graph import graph_of
from dragoman.execution.pipelines.rules import Rule
from tests.unit.execution.pipelines.graphs import EXAMPLES, pipeline, signature, spec, step, tensor, unary

ANY_TWO = (None, None)
ROWS = unary(ANY_TWO)


def made(nodes, outputs, signatures, **more) -> Signature:
    """The signature of a pipeline whose nodes call these."""
    return pipeline_signature(graph_of(pipeline(nodes, outputs, **more)), signatures)


CHAIN = [step("a"), step("b", "a.y")]
CUT = [step("a", demultiply=3), step("b", "a.y")]
STACKED = [*CUT, step("c", "b.y", gather_from="a")]

# What is wrong, the nodes, the nodes' signatures; then the broken rule and what is said.
BAD = [
    (
        "a signature that takes Examples", CHAIN, {"a": EXAMPLES, "b": ROWS},
        Rule.MISSING_MODEL, 'node "a": signature "serving_default" takes Examples, not tensors',
    ),
    (
        "an input that the model does not have", [{"name": "b", "inputs": {"z": "request.in"}}], {"b": ROWS},
        Rule.MISSING_INPUT, 'node "b": there is no input "z"; the model takes x',
    ),
    (
        "an input that nothing feeds", [{"name": "b"}], {"b": ROWS},
        Rule.UNCONNECTED_INPUT, 'node "b": input "x" comes from nowhere',
    ),
    (
        "an output that the model does not have", [step("a"), step("b", "a.z")], {"a": ROWS, "b": ROWS},
        Rule.MISSING_OUTPUT, 'node "a": there is no output "z"; the model has y',
    ),
    (
        "an output under another name that the model does not have",
        [step("a", outputs={"half": "z"}), step("b", "a.half")], {"a": ROWS, "b": ROWS},
        Rule.MISSING_OUTPUT, 'node "a": there is no output "z"; the model has y',
    ),
    (
        "another rank", CHAIN, {"a": unary((None,)), "b": ROWS},
        Rule.SHAPE, 'node "b", input "x": a.y is float32 (?,), float32 (?, ?) is expected',
    ),
    (
        "another size", CHAIN, {"a": unary((None, 3)), "b": unary((None, 4))},
        Rule.SHAPE, 'node "b", input "x": a.y is float32 (?, 3), float32 (?, 4) is expected',
    ),
    (
        "another type", CHAIN, {"a": signature([spec("x")], [spec("y", dtype=DType.FP64)]), "b": unary()},
        Rule.DTYPE, 'node "b", input "x": a.y is float64 (?,), float32 (?,) is expected',
    ),
    (
        "a single value that is cut", CUT, {"a": unary((None,), ()), "b": unary(())},
        Rule.TOO_FEW_DIMENSIONS, 'node "a", output "y" is a single value',
    ),
    (
        "another number of branches than the first axis has", CUT,
        {"a": unary((None, 2), (4, 2)), "b": unary()},
        Rule.COUNT, 'node "a", output "y" has shape (4, 2); there are 3 branches',
    ),
    (
        "a branch of another rank", CUT, {"a": ROWS, "b": ROWS},
        Rule.SHAPE, 'node "b", input "x": a.y is float32 (?,), float32 (?, ?) is expected',
    ),
    (
        "branches that the gathering node has no axis for", STACKED,
        {"a": ROWS, "b": unary(), "c": unary(())},
        Rule.TOO_FEW_DIMENSIONS, 'node "c", input "x" is a single value',
    ),
    (
        "branches that are more than the gathering node takes", STACKED,
        {"a": ROWS, "b": unary(), "c": unary((2, None))},
        Rule.COUNT, 'node "c", input "x" has shape (2, ?); there are 3 branches',
    ),
    (
        "branches of another shape than the gathering node takes", STACKED,
        {"a": ROWS, "b": unary(), "c": unary((None, 5, 5))},
        Rule.SHAPE, 'node "c", input "x": b.y is float32 (?,), float32 (5, 5) is expected',
    ),
    (
        "an input of unlike shapes", [step("a"), step("b")], {"a": unary((None, 3)), "b": unary((None, 4))},
        Rule.AMBIGUOUS_INPUT, 'input "in" is float32 (?, 3), and float32 (?, 4) for node "b"',
    ),
    (
        "an input of unlike types", [step("a"), step("b")],
        {"a": unary(), "b": signature([spec("x", dtype=DType.INT32)], [spec("y")])},
        Rule.AMBIGUOUS_INPUT, 'input "in" is float32 (?,), and int32 (?,) for node "b"',
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "signatures", "rule", "detail"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_models_that_do_not_fit_are_told_by_rule_and_detail(nodes, signatures, rule, detail):
    outputs = {one["name"]: f"{one['name']}.y" for one in nodes if one["name"] in ("b", "c")}
    if nodes is STACKED:
        outputs = {"c": "c.y"}
    if len(nodes) > 1 and nodes[1]["inputs"]["x"] == "request.in":
        outputs["a"] = "a.y"
    with pytest.raises(DragomanError) as caught:
        made(nodes, outputs, signatures)
    misfits = rule in (Rule.SHAPE, Rule.DTYPE)
    assert caught.value.message == f"{rule.value} - {detail}"
    assert (caught.value.code, caught.value.reason) == (
        (Code.INVALID_ARGUMENT, Reason.MODELS_MISFIT) if misfits else (Code.FAILED_PRECONDITION, None)
    )


def shapes(found: Signature):
    """Shapes by name, of inputs and outputs."""
    return (
        {name: one.shape for name, one in found.inputs.items()},
        {name: one.shape for name, one in found.outputs.items()},
    )


def test_the_signature_has_the_pipelines_names_and_the_models_types_and_shapes():
    first = signature([spec("x", (None, 3), DType.INT32)], [spec("y", (None, 5), DType.FP16)])
    found = made([step("a")], {"out": "a.y"}, {"a": first})
    assert found.name == "serving_default"
    assert list(found.inputs.values()) == [spec("in", (None, 3), DType.INT32)]
    assert list(found.outputs.values()) == [spec("out", (None, 5), DType.FP16)]


def test_inputs_are_in_the_order_that_the_pipeline_names_them_in_and_those_unused_are_none():
    nodes = [{"name": "a", "inputs": {"x": "request.second", "z": "request.first"}}]
    signatures = {"a": signature([spec("x"), spec("z")], [spec("y")])}
    found = made(nodes, {"out": "a.y"}, signatures, inputs=["first", "idle", "second"])
    assert list(found.inputs) == ["first", "second"]


def test_an_input_of_several_nodes_is_what_they_have_in_common():
    nodes = [step("a"), step("b"), step("c")]
    signatures = {"a": unary((None, 3)), "b": unary((4, None)), "c": unary(None)}
    found = made(nodes, {name: f"{name}.y" for name in "abc"}, signatures)
    assert found.inputs["in"].shape == (4, 3)


def test_open_sizes_and_ranks_fit_any():
    assert made(CHAIN, {"out": "b.y"}, {"a": unary(None), "b": ROWS})
    assert made(CHAIN, {"out": "b.y"}, {"a": unary((None, 3)), "b": unary((2, None))})
    assert made(CUT, {"out": "b.y"}, {"a": unary(None), "b": ROWS}).outputs["out"].shape == (3, None, None)


def test_an_input_with_a_default_need_not_be_fed():
    with_default = signature([spec("x"), spec("z", default=tensor([1.0]))], [spec("y")])
    assert list(made([step("a")], {"out": "a.y"}, {"a": with_default}).inputs) == ["in"]


def test_an_input_that_only_goes_to_the_outputs_is_float32_of_any_shape():
    found = made([step("a")], {"out": "a.y", "same": "request.other"}, {"a": unary()}, inputs=["in", "other"])
    assert (found.inputs["other"].dtype, found.inputs["other"].shape) == (DType.FP32, None)
    assert found.outputs["same"].shape is None


def test_strings_may_go_from_node_to_node_and_be_cut():
    text = signature([spec("x", (None,), DType.BYTES)], [spec("y", (None, None), DType.BYTES)])
    found = made(CUT, {"out": "b.y"}, {"a": text, "b": text})
    assert (found.outputs["out"].dtype, found.outputs["out"].shape) == (DType.BYTES, (3, None, None))


@pytest.mark.parametrize(("count", "axis"), [(3, 3), ("dynamic", None)])
def test_what_is_cut_at_the_entry_has_an_axis_more_and_so_have_the_outputs(count, axis):
    found = made([step("a")], {"out": "a.y"}, {"a": unary((1, 8))}, demultiply=count)
    assert shapes(found) == ({"in": (axis, 1, 8)}, {"out": (axis, 1, 8)})


def test_each_demultiplexer_that_nobody_gathers_adds_an_axis_the_outermost_first():
    nodes = [step("a", demultiply=2), step("b", "a.y", demultiply=3), step("c", "b.y")]
    found = made(
        nodes, {"out": "c.y"}, {"a": unary((None,), (2, None)), "b": unary((None,), (3, 7)), "c": unary()}
    )
    assert found.outputs["out"].shape == (2, 3, None)


def test_a_node_that_gathers_takes_the_axis_away():
    found = made(STACKED, {"out": "c.y"}, {"a": ROWS, "b": unary(), "c": unary((None, None), (None,))})
    assert found.outputs["out"].shape == (None,)


def test_what_is_cut_at_the_entry_and_gathered_by_a_node_is_what_that_node_takes():
    found = made([step("a", gather_from="request")], {"out": "a.y"}, {"a": unary((None, 3, 4))}, demultiply=2)
    assert shapes(found) == ({"in": (2, 3, 4)}, {"out": (None, 3, 4)})


def test_a_layout_gets_the_axis_of_the_branches_and_is_lost_where_nodes_differ():
    images = signature([spec("x", (1, 8, 8, 3), layout="NHWC")], [spec("y")])
    plain = signature([spec("x", (1, 8, 8, 3))], [spec("y")])
    assert made([step("a")], {"out": "a.y"}, {"a": images}).inputs["in"].layout == "NHWC"
    assert made([step("a")], {"out": "a.y"}, {"a": images}, demultiply=2).inputs["in"].layout == "N?HWC"
    both = made([step("a"), step("b")], {"a": "a.y", "b": "b.y"}, {"a": images, "b": plain})
    assert both.inputs["in"].layout is None


IMAGE = ImageSpec(DType.FP32, 1, 8, 8, 3)
SEEING = signature([spec("x", (1, 8, 8, 3), image=IMAGE)], [spec("y")])
BLIND = signature([spec("x", (1, 8, 8, 3))], [spec("y")])


@pytest.mark.parametrize("more", [{}, {"demultiply": 2}])
def test_an_input_takes_encoded_images_where_all_that_take_from_it_do(more):
    nodes, outputs = [step("a"), step("b")], {"a": "a.y", "b": "b.y"}
    assert made(nodes, outputs, {"a": SEEING, "b": SEEING}, **more).inputs["in"].image == IMAGE
    assert made(nodes, outputs, {"a": SEEING, "b": BLIND}, **more).inputs["in"].image is None
    assert made(nodes, outputs, {"a": BLIND, "b": SEEING}, **more).inputs["in"].image is None


def test_an_input_that_goes_to_the_outputs_as_well_takes_no_encoded_images():
    found = made([step("a")], {"out": "a.y", "same": "request.in"}, {"a": SEEING})
    assert found.inputs["in"].image is None
    assert found.outputs["same"].image is None


def test_a_node_that_gathers_takes_no_encoded_images():
    found = made([step("a", gather_from="request")], {"out": "a.y"}, {"a": SEEING}, demultiply=1)
    assert found.inputs["in"].image is None

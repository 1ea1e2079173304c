"""From a pipeline's settings and its models to what runs its calls."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.pipelines.compose import Composer
from dragoman.execution.pipelines.rules import Rule
from dragoman.repository.handle import Handle
from dragoman.repository.parts import Part as ModelPart
from dragoman.settings.pipeline import NodeLibrary
from tests.unit.execution.pipelines.graphs import (
    EXAMPLES,
    Models,
    Unused,
    ask,
    call,
    handle_of,
    pipeline,
    signature,
    spec,
    step,
    unary,
    values,
)
from tests.unit.execution.pipelines.parts import Part, handle

LIBRARY = NodeLibrary(name="cutter", path="cutter.py", trust="code")
CALLING = [step("cut", library="cutter", params={"size": "2"}), step("a", "cut.y")]


class Lease:
    """A library in use."""

    def __init__(self, part: Part) -> None:
        self.handle = handle(part)
        self.given_back = 0

    def give_back(self) -> None:
        """Use it no more."""
        self.given_back += 1


class Libraries(Unused):
    """Lends a library for every call, and remembers what was asked for."""

    def __init__(self, part: Part, refusal: DragomanError | None = None) -> None:
        self.part = part
        self.refusal = refusal
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.leases: list[Lease] = []

    def lease(self, library: NodeLibrary, params: Mapping[str, str]) -> Any:
        self.asked.append((library.name, params))
        if self.refusal is not None and self.leases:
            raise self.refusal
        self.leases.append(Lease(self.part))
        return self.leases[-1]


def refusal(settings, models, libraries=None, *known: NodeLibrary, parts=None) -> DragomanError:
    candidate = models.candidate(settings, *known)
    if parts is not None:
        candidate = replace(candidate, parts=parts)
    with pytest.raises(DragomanError) as caught:
        Composer(libraries or Unused(), models.pin)(candidate)
    return caught.value


@pytest.mark.parametrize(
    ("node", "parts", "detail"),
    [
        (step("a"), None, 'node "a": model "a" does not serve'),
        (step("a"), (), 'node "a": model "a" does not serve'),
        (step("a", version=3), None, 'node "a": version 3 of model "a" does not serve'),
        (step("a"), (ModelPart("a", is_pipeline=True),), 'node "a": model "a" is a pipeline'),
        (step("a", signature="s"), (ModelPart("a", None, {"one": unary(), "two": unary()}),),
         'node "a": its model has no signature "s"; it has one, two'),
        (step("a"), (ModelPart("a", None, {"one": unary(), "two": unary()}),),
         'node "a": its model has no default signature; it has one, two'),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_called_is_named(node, parts, detail):
    error = refusal(pipeline([node], {"out": "a.y"}), Models(), parts=parts)
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, f"{Rule.MISSING_MODEL.value} - {detail}")


def test_a_broken_graph_is_told_before_models_are_looked_at():
    error = refusal(pipeline([step("a", "b.y")], {"out": "a.y"}), Models())
    assert error.message.startswith(Rule.MISSING_NODE.value)


def test_a_library_is_told_the_nodes_params_and_called_like_a_model():
    cutter = Part(lambda x: x.reshape(2, -1), unary((None,), (None, None)))
    libraries = Libraries(cutter)
    models = Models(a=handle(Part()))
    settings = pipeline([{**CALLING[0], "demultiply": 2}, CALLING[1]], {"out": "a.y"})
    made = handle_of(Composer(libraries, models.pin)(models.candidate(settings, LIBRARY)))
    answer = made.runner.run(made, ask(**{"in": [1, 2, 3, 4]}), made.signatures["serving_default"], call())
    assert values(answer) == {"out": [[2, 4], [6, 8]]}
    assert libraries.asked == [("cutter", {"size": "2"})]
    assert libraries.leases[0].handle.pins == 0
    made.runner.close()
    assert [lease.given_back for lease in libraries.leases] == [1]


def test_a_library_that_is_not_there_is_an_incorrect_one():
    error = refusal(pipeline(CALLING, {"out": "a.y"}), Models(a=handle(Part())))
    assert error.message == (
        'Pipeline refers to incorrect library - node "cut": there is no node library "cutter"'
    )


def test_the_error_of_a_library_names_its_node_and_the_others_are_given_back():
    nodes = [step("one", library="cutter"), step("two", "one.y", library="cutter")]
    libraries = Libraries(Part(), DragomanError(Code.INTERNAL, "it raised"))
    error = refusal(pipeline(nodes, {"out": "two.y"}), Models(), libraries, LIBRARY)
    assert (error.code, error.message) == (Code.INTERNAL, 'node "two": it raised')
    assert [lease.given_back for lease in libraries.leases] == [1]


def test_libraries_are_given_back_where_they_do_not_fit():
    libraries = Libraries(Part(signature=signature([spec("z")], [spec("y")])))
    error = refusal(pipeline(CALLING, {"out": "a.y"}), Models(a=handle(Part())), libraries, LIBRARY)
    assert error.message.startswith(Rule.MISSING_INPUT.value)
    assert [lease.given_back for lease in libraries.leases] == [1]


def test_a_model_for_examples_is_no_part():
    models = Models(a=Handle("a", 1, {"serving_default": EXAMPLES}, Part()))
    error = refusal(pipeline([step("a")], {"out": "a.y"}), models)
    assert "takes Examples" in error.message


def test_what_is_no_pipeline_is_a_defect():
    candidate = replace(Models().candidate(pipeline([step("a")], {"out": "a.y"})), pipeline=None)
    with pytest.raises(TypeError):
        Composer(Unused(), Models().pin)(candidate)

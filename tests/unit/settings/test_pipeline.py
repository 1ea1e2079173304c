"""Pipelines as `dragoman.yaml` says them."""

import pytest

from dragoman.core.errors import DragomanError
from dragoman.settings.model_document import SHORT_FORMS
from dragoman.settings.pipeline import NodeLibrary, NodeSettings, PipelineSettings, Source
from dragoman.settings.server import ServerSettings
from dragoman.settings.yaml_document import read_document, read_tree

WHOLE = """
node_libraries:
- {name: cutter, path: nodes/cutter.py, trust: code, instances: 2}
pipelines:
- name: digits_of_a_page
  inputs: [page]
  demultiply: 3
  nodes:
  - name: cut
    library: cutter
    params: {size: "28"}
    inputs: {page: request.page}
    demultiply: dynamic
  - name: read
    model: digits
    version: 2
    signature: other
    inputs:
      image: {node: cut, output: a.part}
      twice: [request.page, {node: cut, output: part}]
    outputs: {digit: y, same: y}
    gather_from: cut
  outputs: {digits: read.digit.of}
"""


def test_everything_that_can_be_said_is_read():
    settings = read_document(WHOLE, "d.yaml", ServerSettings, SHORT_FORMS)
    assert settings.node_libraries == (
        NodeLibrary(name="cutter", path="nodes/cutter.py", trust="code", instances=2),
    )
    page = Source(node="request", output="page")
    assert settings.pipelines == (
        PipelineSettings(
            name="digits_of_a_page",
            inputs=("page",),
            demultiply=3,
            nodes=(
                NodeSettings(
                    name="cut",
                    library="cutter",
                    params={"size": "28"},
                    inputs={"page": page},
                    demultiply="dynamic",
                ),
                NodeSettings(
                    name="read",
                    model="digits",
                    version=2,
                    signature="other",
                    inputs={
                        "image": Source(node="cut", output="a.part"),
                        "twice": (page, Source(node="cut", output="part")),
                    },
                    outputs={"digit": "y", "same": "y"},
                    gather_from="cut",
                ),
            ),
            outputs={"digits": Source(node="read", output="digit.of")},
        ),
    )


def test_the_short_form_of_a_source_is_written_out_in_the_tree():
    tree = read_tree(WHOLE, "d.yaml", ServerSettings, SHORT_FORMS).tree
    assert tree["pipelines"][0]["outputs"] == {"digits": {"node": "read", "output": "digit.of"}}
    assert tree["pipelines"][0]["nodes"][0]["inputs"] == {"page": {"node": "request", "output": "page"}}


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("{page: request.page}", "{page: page}",
         "d.yaml:12: pipelines[0].nodes[0].inputs.page: write NODE.OUTPUT, as in request.image, or "
         "{node: NAME, output: NAME}"),
        ("{page: request.page}", "{page: 7}",
         "d.yaml:12: pipelines[0].nodes[0].inputs.page: write NODE.OUTPUT, as in request.image, or "
         "{node: NAME, output: NAME}"),
        ("{page: request.page}", "{page: {nod: request, output: page}}",
         "d.yaml:12: pipelines[0].nodes[0].inputs.page.nod: there is no such key; did you mean node?\n"
         "d.yaml:12: pipelines[0].nodes[0].inputs.page.node: this key is required"),
        ("{page: request.page}", "{page: request.page, page: request.page}",
         "d.yaml:12: pipelines[0].nodes[0].inputs.page: this key stands in line 12 already"),
        ("[request.page,", "[page,",
         "d.yaml:20: pipelines[0].nodes[1].inputs.twice[0]: write NODE.OUTPUT, as in request.image, or "
         "{node: NAME, output: NAME}"),
        ("demultiply: 3", "demultiply: 0", "d.yaml:7: pipelines[0].demultiply: expected int >= 1"),
        ("demultiply: 3", "demultiply: 10001", "d.yaml:7: pipelines[0].demultiply: expected int <= 10000"),
        ("demultiply: dynamic", "demultiply: often",
         "d.yaml:13: pipelines[0].nodes[0].demultiply: invalid enum value 'often'"),
        ('size: "28"', "size: 28", "d.yaml:11: pipelines[0].nodes[0].params.size: expected text, got int"),
        ("gather_from: cut", "gather_form: cut",
         "d.yaml:22: pipelines[0].nodes[1].gather_form: there is no such key; did you mean gather_from?"),
        ("  inputs: [page]\n", "", "d.yaml:5: pipelines[0].inputs: this key is required"),
        ("trust: code", "trust: me", "d.yaml:3: node_libraries[0].trust: 'me' is not one of data, code"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_key(old, new, mistake):
    assert old in WHOLE
    with pytest.raises(DragomanError) as caught:
        read_document(WHOLE.replace(old, new, 1), "d.yaml", ServerSettings, SHORT_FORMS)
    assert caught.value.message == mistake


def test_an_input_may_have_one_source_or_several():
    node = NodeSettings(name="n", inputs={"a": Source(node="x", output="y"), "b": ()})
    assert (node.sources("a"), node.sources("b")) == ((Source(node="x", output="y"),), ())
    assert str(node.sources("a")[0]) == "x.y"


def test_inputs_that_go_nowhere_are_those_that_no_node_and_no_output_takes():
    def taking(output: str) -> NodeSettings:
        return NodeSettings(name="n", inputs={"x": Source(node="request", output=output)})

    outputs = {"out": Source(node="request", output="b"), "other": Source(node="n", output="c")}
    pipeline = PipelineSettings(name="p", inputs=("a", "b", "c"), nodes=(taking("a"),), outputs=outputs)
    assert pipeline.unused_inputs == ["c"]

"""Pipelines and libraries of custom nodes as native ones."""

from collections.abc import Iterable
from posixpath import join, normpath
from typing import Any, Final

from msgspec import UNSET, UnsetType

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.ovms.config_file import Connection, Library, Node, Pipeline
from dragoman.core.errors import DragomanError, invalid
from dragoman.core.names import bad_model_name, is_model_name

PYTHON: Final = ".py"
DYNAMIC: Final = "dynamic"
TWICE: Final = "is there already; the first one is served"
INCORRECT_LIBRARY: Final = "Pipeline refers to incorrect library"


def pipeline_trees(
    pipelines: Iterable[Pipeline], taken: Iterable[str]
) -> tuple[list[dict[str, Any]], list[Note]]:
    """The pipelines that can be served, and notes. A name that a model has stays the model's."""
    models = set(taken)
    trees: dict[str, dict[str, Any]] = {}
    notes = []
    for pipeline in pipelines:
        key, place = f"pipeline {pipeline.name}", len(models) + len(trees)
        if pipeline.name in models:
            notes.append(Note(key, Level.REFUSED, "Pipeline has the same name as model", place))
        elif not is_model_name(pipeline.name):
            notes.append(Note(key, Level.REFUSED, bad_model_name(pipeline.name).message, place))
        elif pipeline.name in trees:
            notes.append(Note(key, Level.IGNORED, TWICE))
        else:
            trees[pipeline.name] = pipeline_tree(pipeline)
    return list(trees.values()), notes


def pipeline_tree(pipeline: Pipeline) -> dict[str, Any]:
    """One pipeline. Callers may name any version of it, as they may there."""
    tree: dict[str, Any] = {
        "name": pipeline.name,
        "inputs": list(pipeline.inputs),
        "nodes": [node_tree(node) for node in pipeline.nodes],
        "outputs": {name: source(given) for entry in pipeline.outputs for name, given in entry.items()},
        "any_version": True,
    }
    return tree | demultiply(pipeline.demultiply_count)


def node_tree(node: Node) -> dict[str, Any]:
    """One node. An input that is fed twice is the pipeline's own mistake, told when it is put together.

    What a library would be told says nothing of a model, of which the reference takes it, too.
    """
    inputs: dict[str, Any] = {}
    for entry in node.inputs:
        for name, given in entry.items():
            inputs.setdefault(name, []).append(source(given))
    tree: dict[str, Any] = {
        "name": node.name,
        "inputs": {name: given[0] if len(given) == 1 else given for name, given in inputs.items()},
        "outputs": {output.alias: output.data_item for output in node.outputs},
    }
    for key, value in (
        ("model", node.model_name),
        ("version", node.version),
        ("library", node.library_name),
        ("params", node.params if node.library_name else {}),
        ("gather_from", node.gather_from_node),
    ):
        if value:
            tree[key] = value
    return tree | demultiply(node.demultiply_count)


def source(given: Connection) -> dict[str, str]:
    """Where a tensor comes from."""
    return {"node": given.node_name, "output": given.data_item}


def demultiply(count: int | UnsetType) -> dict[str, Any]:
    """Into how many branches a node divides; -1, and 0 in older files, is as many as there are."""
    if count is UNSET:
        return {}
    return {"demultiply": count if count > 0 else DYNAMIC}


def library_trees(
    libraries: Iterable[Library], folder: str, models: int
) -> tuple[list[dict[str, Any]], list[Note]]:
    """The libraries that can be run, which are Python files, and notes. `models` stand before them."""
    trees, notes = [], []
    for library in libraries:
        try:
            trees.append(library_tree(library, folder))
        except DragomanError as error:
            notes.append(Note(f"custom node library {library.name}", Level.REFUSED, error.message, models))
    return trees, notes


def library_tree(library: Library, folder: str) -> dict[str, Any]:
    """One library: whoever names it in this file trusts it.

    Errors: INVALID_ARGUMENT for a library that is no Python file.
    """
    if not library.base_path.endswith(PYTHON):
        raise invalid(
            f"{INCORRECT_LIBRARY}: {library.base_path} is no Python file; see docs/pipelines.md for how a "
            "custom node is ported"
        )
    return {"name": library.name, "path": normpath(join(folder, library.base_path)), "trust": "code"}

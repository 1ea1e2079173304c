"""A YAML mapping of any form, for code that other people wrote, as Python's YAML reader gives it.

Other than our own documents (`yaml_document.py`): keys may be anything that can be a key, merge keys (`<<`)
and dates mean what they do there, of two equal keys the last counts. What is the same: only plain data, no
more than MOST_NODES values with every alias written out, nested at most MOST_DEPTH deep.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from yaml import YAMLError
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dragoman.core.errors import DragomanError, invalid
from dragoman.settings.yaml_document import MOST_BYTES, MOST_DEPTH, MOST_NODES, compose, line_of


class MappingDocument(msgspec.Struct, frozen=True):
    """What a document says, and warnings."""

    tree: dict[Any, Any]
    notes: tuple[str, ...] = ()


class Extent(msgspec.Struct, frozen=True):
    """How large a node is once its aliases are written out."""

    values: int
    depth: int


def read_mapping(text: str, file: str) -> MappingDocument:
    """The document; an empty one gives an empty mapping.

    Errors: INVALID_ARGUMENT naming file and line.
    """
    if len(text) > MOST_BYTES:
        raise invalid(f"{file}: the file is larger than {MOST_BYTES} bytes")
    root = compose(text, file)
    if root is None:
        return MappingDocument({})
    Measure(file).extent(root)
    try:
        tree = SafeConstructor().construct_document(root)
    except (YAMLError, ValueError, OverflowError) as error:
        raise unreadable(file, error) from error
    if tree is None:
        return MappingDocument({})
    if not isinstance(tree, dict):
        raise invalid(f"{file}:{line_of(root)}: a mapping is expected")
    return MappingDocument(tree, tuple(repeated_keys(root, file)))


class Measure:
    """Adds up nodes. Each is looked into once, however often it is used."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._known: dict[int, Extent | None] = {}  # None = it is being measured

    def extent(self, node: Node) -> Extent:
        """The extent of a node.

        Errors: INVALID_ARGUMENT where it is too large, or a part of itself.
        """
        if id(node) in self._known:
            known = self._known[id(node)]
            if known is None:
                raise invalid(f"{self._file}:{line_of(node)}: this holds itself")
            return known
        self._known[id(node)] = None
        inner = [self.extent(child) for child in children(node)]
        made = Extent(1 + sum(one.values for one in inner), 1 + max((one.depth for one in inner), default=0))
        if made.values > MOST_NODES:
            raise invalid(f"{self._file}:{line_of(node)}: more than {MOST_NODES} values, aliases expanded")
        if made.depth > MOST_DEPTH:
            raise invalid(f"{self._file}:{line_of(node)}: nested more than {MOST_DEPTH} deep")
        self._known[id(node)] = made
        return made


def children(node: Node) -> Iterator[Node]:
    """The nodes directly in this one."""
    if isinstance(node, MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, SequenceNode):
        yield from node.value


def repeated_keys(root: Node, file: str) -> Iterator[str]:
    """A warning for each key that stands in its mapping already."""
    todo, seen = [root], set[int]()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        todo += children(node)
        known = set[str]()
        for key, _ in node.value if isinstance(node, MappingNode) else ():
            if isinstance(key, ScalarNode) and key.value in known:
                yield f"{file}:{line_of(key)}: {key.value}: this key stands here twice; the last one counts"
            known.add(str(key.value))


def unreadable(file: str, error: Exception) -> DragomanError:
    """The error for a value that is none."""
    mark = getattr(error, "problem_mark", None)
    where = f":{mark.line + 1}" if mark is not None else ""
    return invalid(f"{file}{where}: {getattr(error, 'problem', None) or error}")

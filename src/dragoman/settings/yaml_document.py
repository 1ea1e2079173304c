"""YAML text -> a struct, with every mistake found at once.

The text becomes PyYAML's graph of nodes, which keep their lines; the graph is then walked beside the struct's
type. Rules:

1. Keys are text, and no key stands twice in one mapping. Merge keys (`<<`) are refused.
2. An unknown key, a value of another type and a missing key are mistakes; each names file, line and key.
3. Aliases count each time they are used: a document may grow to MOST_NODES values and nest MOST_DEPTH deep.
4. Only plain data: no tag makes an object of another kind.
"""

import difflib
import enum
import re
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dragoman.core.errors import DragomanError, invalid

MOST_BYTES: Final = 1 << 20
MOST_NODES: Final = 100_000
MOST_DEPTH: Final = 64
MOST_MISTAKES: Final = 20  # shown; a file of another kind has a mistake in every line
STRING: Final = "tag:yaml.org,2002:str"
NULL: Final = "tag:yaml.org,2002:null"
MERGE: Final = "tag:yaml.org,2002:merge"
TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"  # kept as the text it is
PLAIN: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str"))
YAML_WORDS: Final = (("object", "a mapping"), ("array", "a list"), ("str", "text"), ("bool", "true or false"))

T = TypeVar("T", bound=msgspec.Struct)
# Another way to write a struct: from the value found there to the mapping that it stands for.
ShortForms = Mapping[type[msgspec.Struct], Callable[[Any], Mapping[str, Any]]]


def read_document(text: str, file: str, form: type[T], short_forms: ShortForms | None = None) -> T:
    """The document as a struct; an empty one gives the defaults.

    Errors: INVALID_ARGUMENT with a line `file:line: key: what is wrong` for every mistake.
    """
    value, _ = read(text, file, form, short_forms or {})
    document: T = form() if value is None else value
    return document


class Document(msgspec.Struct, frozen=True):
    """What a document says, and nothing that it leaves out: plain data, and the line of each key."""

    tree: dict[str, Any]
    lines: dict[str, int]


def read_tree(text: str, file: str, form: type[T], short_forms: ShortForms | None = None) -> Document:
    """The same as plain data, checked against the struct, with short forms written out.

    Errors: as `read_document`.
    """
    value, lines = read(text, file, form, short_forms or {})
    return Document({} if value is None else written(value, "", lines), lines)


def read(text: str, file: str, form: type[T], short_forms: ShortForms) -> tuple[T | None, dict[str, int]]:
    """The struct, None for an empty document, and the line of each key."""
    if len(text) > MOST_BYTES:
        raise invalid(f"{file}: the file is larger than {MOST_BYTES} bytes")
    root = compose(text, file)
    reader = Reader(file, short_forms)
    value = None if root is None or root.tag == NULL else reader.read(root, form, "")
    if reader.mistakes:
        raise invalid("\n".join(reader.mistakes[:MOST_MISTAKES]))
    return value, reader.lines


def written(value: Any, key: str, lines: Mapping[str, int]) -> Any:
    """A value as plain data; of a struct, the keys that stand in the document, or all where none does."""
    if isinstance(value, msgspec.Struct):
        names = [name for name in value.__struct_fields__ if join(key, name) in lines]
        return {name: written(getattr(value, name), join(key, name), lines) for name in names} or (
            msgspec.to_builtins(value)
        )
    if isinstance(value, tuple | list):
        return [written(item, f"{key}[{i}]", lines) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {name: written(item, join(key, name), lines) for name, item in value.items()}
    return msgspec.to_builtins(value)


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader; its composer calls itself for each level, so levels are counted."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """One node, not nested too deep."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {MOST_DEPTH} deep", problem_mark=self.get_mark()
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(text: str, file: str) -> Node | None:
    """The document's graph of nodes."""
    try:
        node: Node | None = BoundedLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise invalid(f"{file}:{mark.line + 1 if mark else 1}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise invalid(f"{file}: this is not YAML: {getattr(error, 'reason', 'unreadable')}") from error
    return node


class Reader:
    """Walks the nodes beside a type and collects mistakes."""

    def __init__(self, file: str, short_forms: ShortForms) -> None:
        self.mistakes: list[str] = []
        self.lines: dict[str, int] = {}  # of the keys
        self._file = file
        self._short_forms = short_forms
        self._values = 0
        self._depth = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def read(self, node: Node, form: Any, key: str) -> Any:
        """The value of a node as the type `form`; what it gives where there are mistakes means nothing."""
        form = chosen(form, node)
        origin = get_origin(form)
        self._enter(node)
        if isinstance(form, type) and issubclass(form, msgspec.Struct):
            value = self._struct(node, form, key)
        elif origin is dict and isinstance(node, MappingNode):
            item = get_args(form)[1]
            entries = self._entries(node, key)
            value = {name: self.read(entry, item, join(key, name)) for name, entry in entries}
        elif origin in (list, tuple) and isinstance(node, SequenceNode):
            item = get_args(form)[0]
            value = origin(self.read(entry, item, f"{key}[{i}]") for i, entry in enumerate(node.value))
        else:
            value = self._converted(node, form, key, self._plain(node, key))
        self._depth -= 1
        return value

    def _enter(self, node: Node) -> None:
        self._values += 1
        self._depth += 1
        if self._values > MOST_NODES:
            raise invalid(f"{self._file}:{line_of(node)}: more than {MOST_NODES} values, aliases expanded")
        if self._depth > MOST_DEPTH:
            raise invalid(f"{self._file}:{line_of(node)}: nested more than {MOST_DEPTH} deep")

    def _struct(self, node: Node, form: type[msgspec.Struct], key: str) -> Any:
        short = self._short_forms.get(form)
        if short is not None and not isinstance(node, MappingNode):
            return self._from_short(node, form, key, short)
        fields = {field.encode_name: field for field in msgspec.structs.fields(form)}
        if not isinstance(node, MappingNode):
            self._mistake(node, key, f"a mapping is expected, with keys such as {next(iter(fields))}")
            return None
        values = {}
        before = len(self.mistakes)
        for name, entry in self._entries(node, key):
            if name in fields:
                values[fields[name].name] = self.read(entry, fields[name].type, join(key, name))
            else:
                self._mistake(entry, join(key, name), unknown_key(name, list(fields)))
        for name, field in fields.items():
            if field.required and field.name not in values:
                self._mistake(node, join(key, name), "this key is required")
        return form(**values) if len(self.mistakes) == before else None

    def _from_short(
        self, node: Node, form: type[msgspec.Struct], key: str, short: Callable[[Any], Mapping[str, Any]]
    ) -> Any:
        try:
            return self._converted(node, form, key, short(self._plain(node, key)))
        except DragomanError as error:
            self._mistake(node, key, error.message)
            return None

    def _entries(self, node: MappingNode, key: str) -> Iterator[tuple[str, Node]]:
        seen: dict[str, int] = {}
        for key_node, entry in node.value:
            name = self._key(key_node, key)
            if name is None:
                continue
            if name in seen:
                self._mistake(key_node, join(key, name), f"this key stands in line {seen[name]} already")
                continue
            seen[name] = self.lines[join(key, name)] = line_of(key_node)
            yield name, entry

    def _key(self, node: Node, key: str) -> str | None:
        if isinstance(node, ScalarNode) and node.tag == STRING:
            name: str = node.value
            return name
        shown = str(node.value) if isinstance(node, ScalarNode) else "?"
        merge = isinstance(node, ScalarNode) and node.tag == MERGE
        what = "merge keys are not supported" if merge else "a key must be text: put it in quotes"
        self._mistake(node, join(key, shown), what)
        return None

    def _plain(self, node: Node, key: str) -> Any:
        """A node without a type: a mapping, a list, text, a number, a boolean or null."""
        if isinstance(node, MappingNode):
            return {name: self._inner(entry, join(key, name)) for name, entry in self._entries(node, key)}
        if isinstance(node, SequenceNode):
            return [self._inner(entry, f"{key}[{i}]") for i, entry in enumerate(node.value)]
        if node.tag == TIMESTAMP:
            return node.value
        if node.tag not in PLAIN:
            return self._mistake(node, key, f"{node.tag} is not supported")
        try:
            return self._scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return self._mistake(node, key, f"{node.value[:40]!r} is no {node.tag.rpartition(':')[2]}")

    def _inner(self, node: Node, key: str) -> Any:
        self._enter(node)
        value = self._plain(node, key)
        self._depth -= 1
        return value

    def _converted(self, node: Node, form: Any, key: str, value: Any) -> Any:
        try:
            return msgspec.convert(value, form)
        except msgspec.ValidationError as error:
            return self._mistake(node, key, refusal(form, value, error))

    def _mistake(self, node: Node, key: str, what: str) -> None:
        self.mistakes.append(f"{self._file}:{line_of(node)}: {key + ': ' if key else ''}{what}")


def chosen(form: Any, node: Node) -> Any:
    """The type that a node is read as: of several with a struct, the one whose form the node has.

    A mapping is the struct, a list the list; anything else is left to the struct's short form. UNSET cannot
    be written.
    """
    if get_origin(form) not in (Union, UnionType):
        return form
    forms = [one for one in get_args(form) if one is not msgspec.UnsetType]
    structs = [one for one in forms if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    lists = [one for one in forms if get_origin(one) in (list, tuple)]
    if len(structs) == 1:
        if isinstance(node, SequenceNode) and lists:
            return lists[0]
        if isinstance(node, MappingNode) or forms in ([*structs], [*structs, *lists]):
            return structs[0]
    return Union[tuple(forms)]  # noqa: UP007 (a tuple of types)


def line_of(node: Node) -> int:
    """The line where a node begins, counted from one."""
    return int(node.start_mark.line) + 1


def join(key: str, name: str) -> str:
    """A key below another."""
    return f"{key}.{name}" if key else name


def unknown_key(name: str, known: list[str]) -> str:
    """What is wrong with a key that the struct does not have."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f" among {', '.join(known)}"
    return f"there is no such key{hint}"


def refusal(form: Any, value: Any, error: msgspec.ValidationError) -> str:
    """What is wrong with a value of another type."""
    if get_origin(form) is Literal:
        return f"{value!r} is not one of {', '.join(map(str, get_args(form)))}"
    if isinstance(form, type) and issubclass(form, enum.Enum):
        return f"{value!r} is not one of {', '.join(str(member.value) for member in form)}"
    what = str(error).partition(" - at `$")[0].replace("`", "")
    for theirs, ours in YAML_WORDS:
        what = re.sub(rf"\b{theirs}\b", ours, what)
    return what[:1].lower() + what[1:]

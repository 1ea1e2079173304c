"""Jinja as chat templates may use it: transformers' extensions, in a sandbox where everything has an end.

The syntax tree is changed before it is compiled: what a loop runs over is counted, and what joins texts is
measured. Jinja is imported with this module, and so only where a model has a template.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import jinja2
from jinja2 import nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dragoman.core.errors import invalid
from dragoman.execution.text.bounds import CHECK, MOST_CHARS, OverLimitError, TemplateRefusal

# Filters and functions that make long things of short ones, and that no chat template needs.
LEFT_OUT: Final = ("batch", "center", "format", "pprint", "slice", "urlize", "wordwrap", "xmlattr")
LEFT_OUT_GLOBALS: Final = ("cycler", "joiner", "lipsum")
GROWING: Final = frozenset(
    {"center", "expandtabs", "format", "format_map", "ljust", "rjust", "translate", "zfill"}
)
COUNTED, MEASURED = "__counted", "__measured"


def compile_template(source: str, model: str) -> jinja2.Template:
    """The template, ready to be rendered.

    Errors: INVALID_ARGUMENT for what is none.
    """
    try:
        return ChatEnvironment().from_string(source)
    except (jinja2.TemplateError, RecursionError) as error:
        raise invalid(f"the chat template of model {model} is none: {error}") from error


class ChatEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox."""

    intercepted_binops = frozenset({"*", "**", "+", "%", "<<"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        for name in LEFT_OUT:
            del self.filters[name]
        for name in LEFT_OUT_GLOBALS:
            del self.globals[name]
        self.filters |= {
            COUNTED: counted, MEASURED: measured, "tojson": to_json, "join": join, "replace": replace,
            "indent": indent,
        }  # fmt: skip
        self.globals |= {"raise_exception": raise_exception, "strftime_now": strftime_now}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, COUNTED, [], [], None, None, lineno=loop.lineno)
        wrap_concats(tree)
        tree.set_environment(self)
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operation that can make something long of something short."""
        context[CHECK]()
        if operator == "%" and isinstance(left, str):
            raise OverLimitError("texts are not formatted with %")
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        if operator == "+":
            bound(sum(sizes))
        elif operator == "*" and sizes:
            factor = right if isinstance(right, int) else left
            bound(sizes[0] * factor if isinstance(factor, int) else 0)
        elif operator in ("*", "**", "<<"):
            bound_numbers(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, called: Any, *args: Any, **kwargs: Any) -> Any:
        """A call of a macro, a function or a method."""
        context[CHECK]()
        name, owner = getattr(called, "__name__", ""), getattr(called, "__self__", None)
        if isinstance(owner, str | bytes):
            if name in GROWING:
                raise OverLimitError(f"the method {name} of texts is not there")
            if name == "replace" and len(args) > 1:
                bound((len(owner) + 1) * (len(str(args[1])) + 1))
            elif name == "join" and args:
                args = (bounded_items(args[0], len(owner)), *args[1:])
        return super().call(context, called, *args, **kwargs)


def wrap_concats(node: nodes.Node) -> None:
    """Have every text that is put together of others measured."""
    for field, value in list(node.iter_fields()):
        if isinstance(value, nodes.Concat):
            setattr(node, field, nodes.Filter(value, MEASURED, [], [], None, None, lineno=value.lineno))
        elif isinstance(value, list):
            value[:] = [
                nodes.Filter(item, MEASURED, [], [], None, None, lineno=item.lineno)
                if isinstance(item, nodes.Concat)
                else item
                for item in value
            ]
    for child in node.iter_child_nodes():
        inner = child.node if isinstance(child, nodes.Filter) and child.name == MEASURED else child
        wrap_concats(inner if inner is not None else child)


def bound(size: int) -> None:
    """Nothing, if something may be so long.

    Errors: OverLimitError.
    """
    if size > MOST_CHARS:
        raise OverLimitError(f"it made something longer than {MOST_CHARS}")


def bound_numbers(operator: str, left: Any, right: Any) -> None:
    """Nothing, if the number that comes out is of a usual size."""
    if isinstance(left, int) and isinstance(right, int):
        bits = {"*": left.bit_length() + right.bit_length(), "**": left.bit_length() * abs(right)}
        bound(bits.get(operator, left.bit_length() + abs(right)))


@pass_context
def counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """The items, with a look at the clock before each."""
    check: Callable[[], None] = context[CHECK]
    return checked(check, items)


def checked(check: Callable[[], None], items: Iterable[Any]) -> Iterator[Any]:
    """The same, once begun."""
    for item in items:
        check()
        yield item


def measured(text: Any) -> Any:
    """A text that is not too long."""
    bound(len(text))
    return text


def bounded_items(items: Iterable[Any], between: int = 0) -> list[Any]:
    """The items of a text to be, which are not too many nor too long."""
    kept = []
    size = 0
    for item in items:
        size += between + (len(item) if isinstance(item, str) else 1)
        bound(size)
        kept.append(item)
    return kept


def join(items: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
    """Jinja's filter, measured."""
    given = (item if attribute is None else item[attribute] for item in items)
    text = between.join(str(item) for item in bounded_items(given, len(between)))
    return text


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    """Jinja's filter, measured."""
    text = str(text)
    bound(len(text) + (text.count(old) if old else len(text) + 1) * len(new))
    return text.replace(old, new, count)


def indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """Jinja's filter, measured."""
    between = width if isinstance(width, str) else " " * min(width, MOST_CHARS)
    lines = text.split("\n")
    bound(len(text) + len(lines) * len(between))
    rest = [between + line if line or blank else line for line in lines[1:]]
    return "\n".join([between + lines[0] if first else lines[0], *rest])


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as transformers gives it to templates: characters as they are."""
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=None if indent is None else min(int(indent), 16),
        separators=separators,
        sort_keys=sort_keys,
    )
    bound(len(text))
    return text


def raise_exception(message: object = "") -> None:
    """What a template calls that does not take the messages."""
    raise TemplateRefusal(str(message)[:MOST_CHARS])


def strftime_now(form: str) -> str:
    """The time, as the template wants it written."""
    return datetime.now().strftime(form[:256])

"""Path templates of routes, compiled to regular expressions."""

import re
from typing import Final

from msgspec import Struct

PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
KINDS: Final = {None: "[^/:]+", "digits": "[0-9]+", "path": ".*"}


class Template(Struct, frozen=True):
    """A compiled template.

    `shape` is the template without the names of its placeholders: equal shapes match equal paths. `rank`
    orders templates that match one path: the most fixed text first, `path` placeholders last.
    """

    pattern: re.Pattern[str]
    shape: str
    rank: tuple[int, int, int]


def compile_template(text: str, *, ignore_case: bool = False) -> Template:
    """The compiled form of the template language that `HttpRoute` documents.

    Errors: ValueError for a placeholder kind that is none.
    """
    expression = shape = ""
    fixed = position = 0
    kinds = []
    for placeholder in [*PLACEHOLDER.finditer(text), None]:
        literal = text[position : placeholder.start() if placeholder else len(text)]
        fixed += len(literal)
        expression += f"(?i:{re.escape(literal)})" if ignore_case else re.escape(literal)
        shape += literal.lower() if ignore_case else literal
        if placeholder is None:
            break
        name, kind = placeholder.groups()
        if kind not in KINDS:
            raise ValueError(f"route {text}: {{{name}:{kind}}} is no kind of placeholder")
        expression += f"(?P<{name}>{KINDS[kind]})"
        shape += f"{{:{kind}}}" if kind else "{}"
        kinds.append(kind)
        position = placeholder.end()
    return Template(re.compile(expression), shape, (kinds.count("path"), -fixed, kinds.count(None)))

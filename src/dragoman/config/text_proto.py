"""Protobuf's text format, read strictly by a table of fields; mistakes name file and line.

1. `field: value`, `field { … }`, `field < … >`; `:` may be left out, `,` or `;` may follow a field.
2. A repeated field stands several times, or once with a list: `versions: [1, 2]`.
3. An unknown field, a value of another type, a field given twice that is not repeated, and two fields of
   which only one may be given are errors.
4. Strings that stand side by side are one string. `#` begins a comment.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dragoman.config.proto_tokens import Kind, Token, tokens
from dragoman.config.text_message import Field, Fields, Given, Message, Type
from dragoman.core.errors import DragomanError, invalid

MOST_CHARACTERS: Final = 16 << 20
MOST_DEPTH: Final = 64
CLOSING: Final = {"{": "}", "<": ">"}
TRUE: Final = frozenset({"true", "True", "t", "1"})
FALSE: Final = frozenset({"false", "False", "f", "0"})
BOUNDS: Final = {
    Type.INT32: range(-(2**31), 2**31),
    Type.INT64: range(-(2**63), 2**63),
    Type.UINT64: range(2**64),
}


def read_text_proto(text: str, file: str, fields: Fields) -> Message:
    """The message that the text holds.

    Errors: INVALID_ARGUMENT `file:line: what is wrong`.
    """
    if len(text) > MOST_CHARACTERS:
        raise invalid(f"{file}: the file has more than {MOST_CHARACTERS} characters")
    parser = Parser(tokens(text, file), file)
    return parser.message(fields, Token(Kind.MARK, "", 1), Kind.END.value)


class Parser:
    """Reads one text, token by token."""

    def __init__(self, words: Iterator[Token], file: str) -> None:
        self._words = words
        self._file = file
        self._token = next(words)
        self._depth = 0
        self._values: Mapping[Type, Callable[[Field], str | int | float | bool]] = {
            Type.STRING: self._string,
            Type.INT32: self._integer,
            Type.INT64: self._integer,
            Type.UINT64: self._integer,
            Type.DOUBLE: self._double,
            Type.BOOL: self._bool,
            Type.NAME: self._name,
        }

    def message(self, fields: Fields, opening: Token, closing: str) -> Message:
        """The fields up to the closing mark."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._wrong(f"messages are nested more than {MOST_DEPTH} deep", opening)
        made = Message(opening.line)
        chosen: dict[str, str] = {}
        while not self._closes(closing, opening):
            name = self._take(Kind.NAME, "a field's name is expected")
            known = fields.get(name.text)
            if known is None:
                raise self._wrong(f"there is no field {name.text!r} here; there is {listed(fields)}", name)
            self._check_once(name, known, made, chosen)
            self._skip(":")
            made.given.setdefault(name.text, []).extend(self._given(known, name))
            self._skip(",", ";")
        self._depth -= 1
        return made

    def _check_once(self, name: Token, known: Field, made: Message, chosen: dict[str, str]) -> None:
        if not known.repeated and name.text in made:
            line = made.given[name.text][0].line
            raise self._wrong(f"{name.text} is given already, in line {line}", name)
        if known.choice and chosen.setdefault(known.choice, name.text) != name.text:
            raise self._wrong(f"{name.text} is given along with {chosen[known.choice]}: give one", name)

    def _given(self, known: Field, name: Token) -> Iterator[Given]:
        """One value, or those of a list."""
        if self._token.text != "[" or self._token.kind is not Kind.MARK:
            yield self._one(known, name)
            return
        if not known.repeated:
            raise self._wrong(f"{name.text} takes one value, not a list")
        self._next()
        while not self._skip("]"):
            yield self._one(known, name)
            if not self._skip(",") and self._token.text != "]":
                raise self._wrong(f"',' or ']' is expected, and not {self._token.shown}")

    def _one(self, known: Field, name: Token) -> Given:
        line = self._token.line
        if known.type not in (Type.MESSAGE, Type.ANY):
            try:
                return Given(self._values[known.type](known), line)
            except ValueError:
                kind = known.type.value
                names = f" {', '.join(known.names)}" if known.names else ""
                raise self._wrong(f"{name.text} takes {kind}{names}, and not {self._token.shown}") from None
        opening = self._token
        if opening.kind is not Kind.MARK or opening.text not in CLOSING:
            raise self._wrong(f"'{{' is expected after {name.text}, and not {opening.shown}")
        self._next()
        if known.type is Type.ANY:
            return Given(self._any(opening), line)
        return Given(self.message(known.fields, opening, CLOSING[opening.text]), line)

    def _any(self, opening: Token) -> Message:
        """A message that is read over: only its brackets count."""
        awaited = [CLOSING[opening.text]]
        while awaited:
            token = self._token
            if token.kind is Kind.END:
                raise self._wrong(f"the {opening.text!r} of line {opening.line} is not closed")
            if token.kind is Kind.MARK and token.text in CLOSING:
                awaited.append(CLOSING[token.text])
            elif token.kind is Kind.MARK and token.text in CLOSING.values() and token.text != awaited.pop():
                raise self._wrong(f"{token.text!r} closes nothing")
            self._next()
        return Message(opening.line)

    def _string(self, _: Field) -> str:
        if self._token.kind is not Kind.STRING:
            raise ValueError
        parts = []
        while self._token.kind is Kind.STRING:
            parts.append(self._next().text)
        return "".join(parts)

    def _integer(self, known: Field) -> int:
        negative = self._skip("-")
        token = self._token
        text = token.text
        octal = len(text) > 1 and text[0] == "0" and text.isdigit()
        if token.kind is not Kind.NUMBER or not (text.isdigit() or text[:2] in ("0x", "0X")):
            raise ValueError
        digits = text.lstrip("0") or "0"
        if len(digits) > 64:
            raise ValueError
        number = int(text, 8 if octal else 0) * (-1 if negative else 1)
        if number not in BOUNDS[known.type]:
            raise ValueError
        self._next()
        return number

    def _double(self, _: Field) -> float:
        negative = self._skip("-")
        token = self._token
        word = token.text.lower()
        if token.kind is Kind.NAME and word not in ("inf", "infinity", "nan"):
            raise ValueError
        if token.kind not in (Kind.NAME, Kind.NUMBER) or word.startswith("0x"):
            raise ValueError
        number = float(word if token.kind is Kind.NAME else word.rstrip("f"))
        self._next()
        return -number if negative else number

    def _bool(self, _: Field) -> bool:
        token = self._token
        if token.kind not in (Kind.NAME, Kind.NUMBER) or token.text not in TRUE | FALSE:
            raise ValueError
        self._next()
        return token.text in TRUE

    def _name(self, known: Field) -> str:
        """An enum's value by its name, or by its number."""
        token = self._token
        numbers = {str(number): name for number, name in enumerate(known.names)}
        name = numbers.get(token.text, token.text)
        if token.kind not in (Kind.NAME, Kind.NUMBER) or name not in known.names:
            raise ValueError
        self._next()
        return name

    def _next(self) -> Token:
        token = self._token
        if token.kind is not Kind.END:
            self._token = next(self._words)
        return token

    def _take(self, kind: Kind, expected: str) -> Token:
        if self._token.kind is not kind:
            raise self._wrong(f"{expected}, and not {self._token.shown}")
        return self._next()

    def _skip(self, *marks: str) -> bool:
        """Go past one of these marks, if it stands here."""
        if self._token.kind is Kind.MARK and self._token.text in marks:
            self._next()
            return True
        return False

    def _closes(self, closing: str, opening: Token) -> bool:
        """Whether the message ends here; its mark is taken."""
        token = self._token
        if closing == Kind.END.value:
            return token.kind is Kind.END
        if token.kind is Kind.END:
            raise self._wrong(f"the {opening.text!r} of line {opening.line} is not closed")
        return self._skip(closing)

    def _wrong(self, what: str, token: Token | None = None) -> DragomanError:
        return invalid(f"{self._file}:{(token or self._token).line}: {what}")


def listed(fields: Fields) -> str:
    """Fields for a message."""
    return ", ".join(fields) or "none"

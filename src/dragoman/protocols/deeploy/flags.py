"""What Deeploy's client asks for beside the input: flags in the query, or in the body."""

from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.wire.json_tree import JsonObject, excerpt
from dragoman.wire.query import query_flag

EXPLAIN: Final = "explain"
IMAGE: Final = "image"
# `skipLog` leaves a call out of Deeploy's log of predictions, which is not kept here. A streamed call is
# answered in one part.
WITHOUT_EFFECT: Final = ("skipLog", "stream")


def check_predict(query: str, document: JsonObject) -> None:
    """Nothing, if predict can do what is asked.

    Errors: INVALID_ARGUMENT where an explanation is asked for, and for a flag that is none.
    """
    check_others(query)
    if flag(query, document, EXPLAIN):
        raise invalid("predict does not explain: post the same body to explain")


def check_explain(query: str, document: JsonObject) -> None:
    """Nothing, if explain can do what is asked.

    Errors: UNIMPLEMENTED where a picture is asked for; INVALID_ARGUMENT for a flag that is none.
    """
    check_others(query)
    if flag(query, document, IMAGE):
        raise DragomanError(Code.UNIMPLEMENTED, "explanations are numbers: there is no image of them")


def check_others(query: str) -> None:
    """Nothing, if what has no effect is written as it should be.

    Errors: INVALID_ARGUMENT.
    """
    if query:
        for name in WITHOUT_EFFECT:
            query_flag(query, name)


def flag(query: str, document: JsonObject, name: str) -> bool:
    """A flag of the query, else of the body; it is off where neither has it.

    Errors: INVALID_ARGUMENT for one that is neither true nor false.
    """
    if query and (found := query_flag(query, name)) is not None:
        return found
    value = document.get(name)
    if value is None or type(value) is bool:
        return bool(value)
    raise invalid(f"{name} must be true or false, not {excerpt(value)}")

"""What every program here does: call its functions, and print what each gave, or how it failed, as JSON."""

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any


def tell(*functions: Callable[..., Any], arguments: Sequence[Any] | None = None) -> None:
    """Call the functions with these arguments, or the program's; print what became of each under its name."""
    given = sys.argv[1:] if arguments is None else arguments
    told = {function.__name__: attempt(function, given) for function in functions}
    print(json.dumps(told))


def attempt(function: Callable[..., Any], arguments: Sequence[Any]) -> dict[str, Any]:
    try:
        return {"gave": plain(function(*arguments))}
    except Exception:
        return {"failed": traceback.format_exc()}


def plain(value: Any) -> Any:
    """The value with what JSON has no word for: bytes as Latin-1 text, NumPy's as lists and numbers."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "dtype"):
        return {"dtype": value.dtype.name, "values": plain(value.tolist())}
    return value


def refusal(call: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
    """What a call raises: the names of the exception's classes, its own first, and its words."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return {"kinds": [kind.__name__ for kind in type(error).__mro__], "says": str(error)}
    raise AssertionError("the call was answered")


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives, or what it raises."""
    try:
        return {"gave": call(*arguments)}
    except Exception as error:
        return {"raised": type(error).__name__, "says": str(error)}


def raised(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which may fail: it gives the name of what it raises then."""

    @wraps(function)
    def attempted(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            return type(error).__name__

    return attempted

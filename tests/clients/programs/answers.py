"""What every program here does: call its functions, and print what each gave, or how it failed, as JSON."""

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any


def tell(*functions: Callable[..., Any]) -> None:
    """Call the functions with the program's arguments; print what became of each under its name."""
    told = {function.__name__: attempt(function, sys.argv[1:]) for function in functions}
    print(json.dumps(told))


def attempt(function: Callable[..., Any], arguments: list[str]) -> dict[str, Any]:
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

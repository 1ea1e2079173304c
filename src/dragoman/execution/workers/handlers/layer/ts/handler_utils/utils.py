"""Parts of answers, and classes by their names."""

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ts.context import Context
from ts.serving.results import answers
from ts.utils.util import PredictionException


def first_rank() -> bool:
    """Whether this process is the one, of several that run a model together, that answers."""
    return os.getenv("LOCAL_RANK", "0") == "0"


def send_intermediate_predict_response(
    ret: Sequence[Any], req_id_map: Mapping[int, str], message: str, code: int, context: Context
) -> None:
    """Send a part of the answer to each request now; what `handle` returns is the last part.

    Errors: PredictionException for a part that cannot be sent, or a code other than 200.
    """
    if not first_rank():
        return
    if code != 200:
        raise PredictionException(message, code)
    if context.cl_socket is None:
        raise RuntimeError("parts of answers can be sent only while a server runs this handler")
    context.cl_socket.send_parts(answers(ret, req_id_map, context, more=True))


def import_class(class_name: str, module_prefix: str | None = None) -> Any:
    """The class of a dotted name, which may start below `module_prefix`.

    Errors: ImportError.
    """
    if not class_name:
        raise ImportError("the name of a class is missing")
    module, _, name = class_name.rpartition(".")
    where = ".".join(part for part in (module_prefix, module) if part)
    if not where:
        raise ImportError(f"class {name}: the name of its module is missing")
    found = getattr(importlib.import_module(where), name, None)
    if found is None:
        raise ImportError(f"module {where} has no class {name}")
    return found

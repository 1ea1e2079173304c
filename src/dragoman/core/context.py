"""What travels with a call: deadline, cancellation, who and which request.

It is passed explicitly, never through a global or a context variable, because it must cross threads and
processes.
"""

from collections.abc import Mapping

from msgspec import Struct


class CallContext(Struct):
    """One call's circumstances. `deadline_s` is in seconds of the monotonic clock; None = no deadline.

    `peer` = where it came from, which tells callers apart that say nothing of themselves.
    `background`: it runs by itself, and joins no batch of others.
    `parameters` = what the caller says to the model besides its inputs; None until a model's code asks.
    """

    request_id: str
    deadline_s: float | None = None
    principal: str | None = None
    trace_parent: str | None = None
    cancelled: bool = False
    parameters: Mapping[str, bool | int | float | str] | None = None
    peer: str = ""
    background: bool = False

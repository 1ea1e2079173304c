"""The same calls of a model that the path names, as Deeploy's clients have them behind a mount.

Their flags are texts in the query, and go before the body's. A message always tells thoughts, if only that
there are none.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from dragoman.core.requests import Target
from dragoman.protocols.openai.reading import TextDraft
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.percent import percent_decoded
from dragoman.wire.query import query_flag
from dragoman.wire.target import read_version

Parse = Callable[[WireRequest, Limits], Any]  # gives a TextDraft


def parse_mounted(parse: Parse, wire: WireRequest, limits: Limits) -> TextDraft:
    """What `parse` reads, of the model and version in the path, with the query's flags.

    Errors: those of `parse`.
    """
    draft: TextDraft = parse(wire, limits)
    stream = query_flag(wire.query, "stream")
    streamed = draft.streamed if stream is None else stream
    version = wire.params.get("version")
    name = percent_decoded(wire.params["model"])
    target = Target(name, None if version is None else read_version(version))
    changed = replace(draft, target=target, asked_name=name, streamed=streamed)
    changed.always_reasons = True
    return changed

"""Calls of other servers over HTTP/1.1, for engines whose models live there.

OpenAiUpstream   OpenAI's API: whole answers and events
  Upstream       one server: connections, time limits, retries, the breaker
    Connection   one connection
      Incoming   an answer as it comes in, without a socket
"""

from dragoman.engines.upstream.breaker import Breaker, BreakerState
from dragoman.engines.upstream.failures import UpstreamError, nonsense
from dragoman.engines.upstream.incoming import Answer
from dragoman.engines.upstream.openai import Events, OpenAiUpstream, read_object
from dragoman.engines.upstream.place import Place, parse_place, socket_place
from dragoman.engines.upstream.request import Request, UpstreamRules, bearer
from dragoman.engines.upstream.server import Parts, Timing, Upstream

__all__ = [
    "Answer",
    "Breaker",
    "BreakerState",
    "Events",
    "OpenAiUpstream",
    "Parts",
    "Place",
    "Request",
    "Timing",
    "Upstream",
    "UpstreamError",
    "UpstreamRules",
    "bearer",
    "nonsense",
    "parse_place",
    "read_object",
    "socket_place",
]

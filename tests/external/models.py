"""Models of stand-ins, loaded as the server loads them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.core.context import CallContext
from dragoman.engines.base import Artifact, Reach
from dragoman.engines.external import ExternalEngine
from dragoman.repository.external import places_of
from dragoman.settings.external import ExternalSettings
from dragoman.settings.model import ModelSettings
from tests.external.standin import StandIn

CALL = CallContext("test")


def settings_of(server: StandIn, protocol: str, more: Mapping[str, Any]) -> ExternalSettings:
    path = "/v1" if protocol == "openai" else ""
    given = {"url": f"http://127.0.0.1:{server.port}{path}", "protocol": protocol, "retries": 0, **more}
    return msgspec.convert(given, ExternalSettings)


async def loaded(server: StandIn, protocol: str = "openai", **more: Any) -> Any:
    """A model; the first request that comes is the one by which it is looked at."""
    reach = Reach(settings_of(server, protocol, more), lambda: "sk-secret", lambda *at: places_of((), *at))
    artifact = Artifact("", "mine", 1, ModelSettings(), reach=reach)
    return await asyncio.to_thread(ExternalEngine().load, artifact, {})

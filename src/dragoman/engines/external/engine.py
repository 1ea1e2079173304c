"""Loads a model that lives in another server: asks whether that is there, and what the model takes."""

import asyncio
import base64
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.base import Artifact, Claim, Engine, LoadedModel, Resources, TreeSnapshot
from dragoman.engines.external.embeddings import ExternalEmbeddings
from dragoman.engines.external.model import ExternalModel
from dragoman.engines.external.texts import ExternalTexts
from dragoman.engines.external.v1 import ExternalV1
from dragoman.engines.external.v2 import ExternalV2
from dragoman.engines.upstream import Upstream, UpstreamRules, bearer, parse_place
from dragoman.settings.external import ExternalSettings, KeySettings
from dragoman.settings.model import ModelSettings

LOOK_S: Final = 5.0  # for each answer about the model, which a start of this server may wait for
KINDS: Final[Mapping[tuple[str, str], type[ExternalModel]]] = {
    ("openai", "text"): ExternalTexts,
    ("openai", "chat"): ExternalTexts,
    ("openai", "embeddings"): ExternalEmbeddings,
    ("v1", "text"): ExternalV1,
    ("v2", "text"): ExternalV2,
}


class ExternalEngine(Engine):
    """Other servers, over HTTP."""

    name: ClassVar[str] = "external"
    looks_for: ClassVar[str] = "no files"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """No files are its."""
        return None

    def estimate(self, artifact: Artifact) -> Resources:
        """What its connections take is nothing to speak of."""
        return Resources(0)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> LoadedModel:
        """The model, once the other server has answered.

        Errors: INVALID_ARGUMENT for a setting; PERMISSION_DENIED for a server that may not be called;
        whatever keeps the other server from answering, which is no error of the settings and may pass.
        """
        reach = artifact.reach
        if reach is None:
            raise invalid("the engine external has no files: name a server under external")
        settings = reach.settings
        if options:
            raise invalid(f"options.{next(iter(options))}: a model of another server has no options")
        kind = KINDS.get((settings.protocol, settings.task))
        if kind is None:
            raise invalid(f"external.task: {settings.task} is none of the protocol {settings.protocol}")
        place, tls = parse_place(settings.url), tls_of(settings)
        rules = rules_of(settings)
        shown = partial(header_of, settings.key or KeySettings())
        name = f"the external server of model {artifact.model}"

        def upstream(rules: UpstreamRules) -> Upstream:
            return Upstream(name, place, rules, key=reach.key, shown=shown, tls=tls, resolve=reach.resolve)

        model = kind(artifact, settings, upstream(rules))
        looking = replace(rules, retries=0, timeout_s=min(LOOK_S, rules.timeout_s))
        asyncio.run(introduced(model, upstream(looking)))
        return model


async def introduced(model: ExternalModel, upstream: Upstream) -> None:
    """Let the model ask about itself, over connections of this thread alone."""
    try:
        await model.introduce(upstream)
    finally:
        upstream.close()


def header_of(settings: KeySettings, key: str) -> tuple[str, str]:
    """The header that shows a key."""
    if settings.header:
        return settings.header, key
    if settings.username:
        pair = f"{settings.username}:{key}".encode()
        return "authorization", f"Basic {base64.b64encode(pair).decode()}"
    return bearer(key)


def rules_of(settings: ExternalSettings) -> UpstreamRules:
    """How the server is called."""
    return UpstreamRules(
        connect_timeout_s=settings.connect_timeout_s,
        timeout_s=settings.timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
        retries=settings.retries,
        most_answer_bytes=settings.answer_bytes,
        connections=settings.connections,
        failures=settings.failures,
        open_s=settings.open_s,
    )


def tls_of(settings: ExternalSettings) -> ssl.SSLContext | None:
    """What certificates are checked by; None = by the system's authorities.

    Errors: FAILED_PRECONDITION for a file that cannot be read or holds none.
    """
    if not settings.ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ValueError) as error:
        message = "external.ca_file: the file is not there or holds no certificates; the log tells more"
        raise DragomanError(Code.FAILED_PRECONDITION, message) from error

"""The security of one server: policy, deployments and certificates, kept as the files are."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from dragoman.core.errors import DragomanError
from dragoman.gateway.gate import Gate
from dragoman.gateway.guard import Guard
from dragoman.protocols.torchserve import WITHOUT_KEY
from dragoman.security.deployments import usual_file
from dragoman.security.policy import Policy
from dragoman.security.source import PolicySource
from dragoman.security.tls import LiveContext, TlsFiles
from dragoman.security.tokens import Tokens
from dragoman.settings.deployment import Deployment
from dragoman.settings.server import Dialect, Listener, ServerSettings

SPOKEN: Final = {"http": "http/1.1", "grpc": "h2"}
Remount = Callable[[Mapping[str, Deployment]], None]


class Security:
    """What is read at the start, and again whenever a file changes; what cannot be used is logged and left.

    Errors: DragomanError naming the file and what is wrong with it.
    """

    def __init__(
        self, settings: ServerSettings, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._source = PolicySource(settings.access, settings.deployments, deployments_file(settings))
        self._policy = self._source.read()
        self._pause_s = settings.watch_s
        self._sleep = sleep
        self._watching: asyncio.Task[None] | None = None
        self._remounts: list[Remount] = []
        self._certificates: list[tuple[TlsFiles, LiveContext]] = []
        self._log = structlog.get_logger("dragoman.security")
        self.guard = Guard(self._policy, settings.access)
        told = settings.tokens
        self.tokens = Tokens(told.file, told.expiration_min, time.time) if told.file else None

    def on_deployments(self, remount: Remount) -> None:
        """Tell which deployments there are, now and after every change."""
        self._remounts.append(remount)
        remount(self._policy.deployments)

    def context(self, listener: Listener) -> ssl.SSLContext | None:
        """The TLS of a listener; None where it has none."""
        if not listener.tls.enabled:
            return None
        files = TlsFiles(listener.tls)
        live = LiveContext(files.read(), listener.tls, SPOKEN[listener.transport])
        self._certificates.append((files, live))
        return live.context

    def gate(self, listener: Listener) -> Gate | None:
        """What asks callers of a listener of TorchServe's dialect for its keys; None where there are none."""
        if self.tokens is None or listener.dialect is not Dialect.TORCHSERVE:
            return None
        return Gate(self.tokens, WITHOUT_KEY)

    def start(self) -> None:
        """Begin to watch; hand the keys out, where there are any.

        Errors: INTERNAL where their file cannot be written.
        """
        if self.tokens is not None:
            self.tokens.write()
            self._log.info("keys for inference and management", file=self.tokens.file)
        self._watching = asyncio.get_running_loop().create_task(self.watch())

    def close(self) -> None:
        """Watch no more; the keys are void."""
        if self.tokens is not None:
            self.tokens.remove()
        if self._watching is not None:
            self._watching.cancel()

    @asynccontextmanager
    async def adopting(self, settings: ServerSettings) -> AsyncIterator[None]:
        """Go by new settings of access and deployments; by the old ones again if what follows fails.

        Errors: DragomanError naming what is wrong; then nothing has changed.
        """
        before = self._source, self._policy
        source = self._source.renewed(settings.access, settings.deployments, deployments_file(settings))
        policy = await asyncio.to_thread(source.read)
        self._source = source
        self._adopt(policy)
        try:
            yield
        except BaseException:
            self._source = before[0]
            self._adopt(before[1])
            raise

    async def watch(self) -> None:
        """Look at the files for as long as the server runs."""
        while True:
            await self._sleep(self._pause_s)
            await self.look()

    async def look(self) -> None:
        """Take up what has changed."""
        await self._look_at_access(self._source)
        for files, live in self._certificates:
            if files.changed():
                try:
                    live.exchange(files.read())
                except DragomanError as error:
                    self._log.error("certificates stay as they were", error=error.message)
                else:
                    self._log.info("certificates exchanged", certificate=files.shown)

    async def _look_at_access(self, source: PolicySource) -> None:
        if not source.changed():
            return
        try:
            policy = await asyncio.to_thread(source.read)
        except DragomanError as error:
            self._log.error("access stays as it was", error=error.message)
            return
        if source is self._source:  # there are no newer settings by now
            self._adopt(policy)

    def _adopt(self, policy: Policy) -> None:
        self._policy = policy
        self.guard.adopt(policy)
        for remount in self._remounts:
            remount(policy.deployments)
        self._log.info(
            "access changed", deployments=sorted({found.name for found in policy.deployments.values()})
        )


def deployments_file(settings: ServerSettings) -> str | None:
    """Where deployments are looked for: where the settings say, else beside the repository."""
    if settings.deployments_file is not None:
        return settings.deployments_file or None
    return usual_file(settings.repositories[0]) if settings.repositories else None

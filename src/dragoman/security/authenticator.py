"""Finds out who calls.

Passwords are slow to verify on purpose, so their outcome is remembered under a keyed hash of the header, and
they are verified one after the other on a thread of low priority. What is remembered costs a hash and a
look-up. Attempts that are not are counted, by peer and in all; one that succeeds does not count. Nothing here
is refused: a caller that proved nothing is a stranger, who may still use what is open.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import blake2b
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.security.attempts import Attempts
from dragoman.security.keyring import Credential, Login
from dragoman.security.offered import Header, Password, Token, find_offered, read_offered
from dragoman.security.passwords import NOBODY, verify
from dragoman.security.policy import Caller, Policy, known, stranger
from dragoman.security.remembered import Remembered
from dragoman.settings.access import AccessSettings

LOWEST_PRIORITY: Final = 19
ANONYMOUS: Final = stranger("credentials are needed")
WRONG: Final = stranger("the credentials are not valid")


class Authenticator:
    """Answers for one server. Used on the event loop's thread only."""

    def __init__(
        self, policy: Policy, settings: AccessSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._secret = os.urandom(32)
        self._found: Remembered[Caller] = Remembered(settings.cached_logins, settings.cache_s)
        self._wrong: Remembered[Caller] = Remembered(settings.cached_logins, settings.cache_s)
        self._attempts = Attempts(settings.attempts, clock)
        self._waiting: dict[bytes, asyncio.Task[Caller]] = {}
        self._most_waiting = settings.attempts.waiting
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="password", initializer=step_back)

    def adopt(self, policy: Policy) -> None:
        """Go by this policy from now on; nothing that was found out under another one counts."""
        self._policy = policy
        self._found.clear()
        self._wrong.clear()

    def identify(self, headers: Iterable[Header], peer: str) -> Caller | Awaitable[Caller]:
        """Who sent these headers from there."""
        found = find_offered(headers)
        if not found:
            return ANONYMOUS
        key = blake2b(b"\0".join(map(b":".join, found)), key=self._secret, digest_size=16).digest()
        now = self._clock()
        if (caller := self._found.get(key, now) or self._wrong.get(key, now)) is not None:
            return caller
        if (task := self._waiting.get(key)) is not None:
            return asyncio.shield(task)
        try:
            offered = read_offered(found)
        except DragomanError as error:
            return stranger(error.message)
        if isinstance(offered, Token):
            return self._remember(key, self._policy.keyring.holders(offered.digest))
        return self._log_in(key, offered, peer)

    def close(self) -> None:
        """Stop the thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _log_in(self, key: bytes, offered: Password, peer: str) -> Caller | Awaitable[Caller]:
        if len(self._waiting) >= self._most_waiting:
            return busy("too many passwords are being verified: try again later", 1)
        if wait_s := self._attempts.begin(peer):
            return busy(f"too many wrong passwords: try again in {wait_s} s", wait_s)
        task = asyncio.get_running_loop().create_task(self._verify(key, offered, peer))
        self._waiting[key] = task
        task.add_done_callback(lambda _: self._waiting.pop(key, None))
        return asyncio.shield(task)

    async def _verify(self, key: bytes, offered: Password, peer: str) -> Caller:
        """Compare on the thread, as often as the policy changes meanwhile."""
        loop = asyncio.get_running_loop()
        while True:
            policy = self._policy
            logins = policy.keyring.logins(offered.username)
            matched = await loop.run_in_executor(self._threads, matching, logins, offered.password)
            if policy is self._policy:
                break
        if matched:
            self._attempts.succeeded(peer)
        return self._remember(key, matched)

    def _remember(self, key: bytes, credentials: Sequence[Credential]) -> Caller:
        caller = known(credentials) if credentials else WRONG
        (self._found if credentials else self._wrong).put(key, caller, self._clock())
        return caller


def matching(logins: Sequence[Login], password: bytes) -> list[Credential]:
    """What this password opens. Where there is no such user, it takes as long to say so."""
    if not logins:
        verify(NOBODY, password)
    return [login.credential for login in logins if verify(login.hashed, password)]


def busy(message: str, retry_after_s: int) -> Caller:
    """A caller whose password was not looked at."""
    return Caller(None, (), Code.RESOURCE_EXHAUSTED, message, retry_after_s)


def step_back() -> None:
    """Let the event loop's thread go first: on Linux a priority is a thread's own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)

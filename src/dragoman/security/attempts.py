"""How many passwords may be tried: a token bucket for every peer and one for all of them."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil

from dragoman.security.peers import network_of
from dragoman.settings.access import AttemptLimits


class Bucket:
    """So many tokens at the most; they are regained at a rate."""

    __slots__ = ("_at", "_left", "_most", "_per_s")

    def __init__(self, most: int, per_s: float, now: float) -> None:
        self._most = most
        self._per_s = per_s
        self._left = float(most)
        self._at = now

    def wait_s(self, now: float) -> float:
        """How long until there is a token; 0 = there is one."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        return max(0.0, (1.0 - self._left) / self._per_s)

    def add(self, tokens: int) -> None:
        """Take them, or give them back."""
        self._left = min(self._most, self._left + tokens)


class Attempts:
    """Counts the attempts that are under way and those that failed."""

    def __init__(self, limits: AttemptLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._all = Bucket(limits.burst, limits.per_s, clock())
        self._peers: OrderedDict[str, Bucket] = OrderedDict()

    def begin(self, peer: str) -> int:
        """0 = this peer may try a password now; else the seconds until it may."""
        now = self._clock()
        bucket = self._bucket(peer, now)
        wait_s = max(bucket.wait_s(now), self._all.wait_s(now))
        if wait_s:
            return ceil(wait_s)
        bucket.add(-1)
        self._all.add(-1)
        return 0

    def succeeded(self, peer: str) -> None:
        """The password that this peer tried was right: it does not count."""
        self._bucket(peer, self._clock()).add(1)
        self._all.add(1)

    def _bucket(self, peer: str, now: float) -> Bucket:
        name = network_of(peer)
        found = self._peers.get(name)
        if found is None:
            if len(self._peers) >= self._limits.peers:
                self._peers.popitem(last=False)
            found = self._peers[name] = Bucket(self._limits.peer_burst, self._limits.peer_per_s, now)
        self._peers.move_to_end(name)
        return found

"""Finding out who calls."""

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pytest

from dragoman.core.errors import Code
from dragoman.security.authenticator import ANONYMOUS, Authenticator
from dragoman.security.policy import Caller, Policy
from dragoman.settings.access import AccessSettings, AttemptLimits, CredentialSettings, SecretSettings
from tests.unit.security.hashes import OTHER, TOKEN, deployed, policy, user

PEER = "192.0.2.1"
Header = tuple[bytes, bytes]


def basic(username: str, password: str) -> Header:
    return b"Authorization", b"Basic " + base64.b64encode(f"{username}:{password}".encode())


RIGHT, WRONG = basic("pineapple", "fanatic"), basic("pineapple", "wrong")
GUARDED = policy(
    deployed("d", "m", user()), credentials=[CredentialSettings(name="ci", token=SecretSettings(env="TOKEN"))]
)


class Stage:
    """An authenticator with a clock that stands still."""

    def __init__(self, found: Policy, **settings: object) -> None:
        self.now = 0.0
        self.authenticator = Authenticator(found, AccessSettings(**settings), lambda: self.now)

    def at_once(self, *headers: Header, peer: str = PEER) -> Caller:
        found = self.authenticator.identify(headers, peer)
        assert isinstance(found, Caller)
        return found

    def later(self, *headers: Header, peer: str = PEER) -> Awaitable[Caller]:
        found = self.authenticator.identify(headers, peer)
        assert not isinstance(found, Caller)
        return found


def play(scene: Callable[[Stage], Awaitable[None]], found: Policy = GUARDED, **settings: object) -> None:
    async def played() -> None:
        stage = Stage(found, **settings)
        try:
            await asyncio.wait_for(scene(stage), 30)
        finally:
            stage.authenticator.close()

    asyncio.run(played())


def test_who_sends_nothing_is_a_stranger() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.at_once((b"Host", b"x")) is ANONYMOUS
        assert ANONYMOUS.refusal().code is Code.UNAUTHENTICATED

    play(scene)


def test_a_right_password_is_verified_once() -> None:
    async def scene(stage: Stage) -> None:
        caller = await stage.later(RIGHT)
        assert caller.name == "pineapple"
        assert stage.at_once(RIGHT) is caller

    play(scene)


def test_a_wrong_password_is_verified_once_as_well() -> None:
    async def scene(stage: Stage) -> None:
        caller = await stage.later(WRONG)
        assert caller.name is None
        assert stage.at_once(WRONG).refusal().message == "the credentials are not valid"

    play(scene)


def test_an_unknown_user_is_answered_like_a_wrong_password() -> None:
    async def scene(stage: Stage) -> None:
        assert await stage.later(basic("nobody", "fanatic")) == await stage.later(WRONG)

    play(scene)


def test_a_token_is_known_at_once() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.at_once((b"Authorization", b"Bearer " + TOKEN.encode())).name == "ci"
        assert stage.at_once((b"X-API-Key", TOKEN.encode())).name == "ci"
        assert stage.at_once((b"X-API-Key", b"another")).name is None

    play(scene)


def test_a_header_that_cannot_be_read_makes_a_stranger_and_says_why() -> None:
    async def scene(stage: Stage) -> None:
        refusal = stage.at_once((b"Authorization", b"Basic ???")).refusal()
        assert refusal.code is Code.UNAUTHENTICATED
        assert "base64" in refusal.message

    play(scene)


def test_one_user_of_two_deployments_gets_what_the_password_opens() -> None:
    both = policy(
        deployed("d", "m", user()), deployed("e", "n", user(hashed=OTHER)), deployed("f", "o", user())
    )

    async def scene(stage: Stage) -> None:
        caller = await stage.later(RIGHT)
        assert [sorted(grant.models) for grant in caller.grants] == [["m"], ["o"]]
        caller = await stage.later(basic("pineapple", "other"))
        assert [sorted(grant.models) for grant in caller.grants] == [["n"]]

    play(scene, both)


def test_many_who_send_the_same_wait_for_one_verification() -> None:
    async def scene(stage: Stage) -> None:
        callers = await asyncio.gather(*(stage.later(RIGHT) for _ in range(100)))
        assert {caller.name for caller in callers} == {"pineapple"}

    play(scene, attempts=AttemptLimits(peer_burst=1))


def test_one_who_goes_away_does_not_take_the_others_verification_along() -> None:
    async def scene(stage: Stage) -> None:
        leaving = asyncio.ensure_future(stage.later(RIGHT))
        staying = stage.later(RIGHT)
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying).name == "pineapple"

    play(scene)


def test_wrong_passwords_are_bounded_and_right_ones_that_are_known_pass() -> None:
    async def scene(stage: Stage) -> None:
        await stage.later(RIGHT)
        for number in range(3):
            assert (await stage.later(basic("pineapple", f"wrong {number}"))).code is Code.UNAUTHENTICATED
        refusal = stage.at_once(basic("pineapple", "wrong again")).refusal()
        assert refusal.code is Code.RESOURCE_EXHAUSTED
        assert refusal.retry_after_s == 2
        assert stage.at_once(RIGHT).name == "pineapple"
        assert (await stage.later(basic("pineapple", "x"), peer="192.0.2.2")).name is None
        stage.now += 2
        assert (await stage.later(basic("pineapple", "wrong again"))).name is None

    play(scene, attempts=AttemptLimits(peer_burst=3, peer_per_s=0.5))


def test_only_so_many_passwords_wait() -> None:
    async def scene(stage: Stage) -> None:
        first = stage.later(RIGHT)
        assert stage.at_once(WRONG).refusal().code is Code.RESOURCE_EXHAUSTED
        assert (await first).name == "pineapple"

    play(scene, attempts=AttemptLimits(waiting=1))


def test_an_outcome_is_forgotten_when_it_was_not_used_for_long() -> None:
    async def scene(stage: Stage) -> None:
        await stage.later(RIGHT)
        stage.now += 9
        assert stage.at_once(RIGHT).name == "pineapple"
        stage.now += 11
        assert (await stage.later(RIGHT)).name == "pineapple"

    play(scene, cache_s=10.0)


def test_a_new_policy_counts_at_once() -> None:
    async def scene(stage: Stage) -> None:
        assert (await stage.later(RIGHT)).name == "pineapple"
        stage.authenticator.adopt(policy(deployed("d", "m", user(hashed=OTHER))))
        assert (await stage.later(RIGHT)).name is None

    play(scene)


@pytest.mark.parametrize("new", [OTHER, None])
def test_a_policy_that_changes_during_a_verification_counts(new: str | None) -> None:
    async def scene(stage: Stage) -> None:
        verifying = asyncio.ensure_future(stage.later(RIGHT))
        deployment = deployed("d", "m", user(hashed=new)) if new else deployed("d", "m")
        stage.authenticator.adopt(policy(deployment))
        assert (await verifying).name is None
        assert stage.at_once(RIGHT).name is None

    play(scene)

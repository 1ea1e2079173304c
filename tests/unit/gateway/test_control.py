"""Who may change anything at all."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.gateway.control import check_control
from dragoman.gateway.guard import Access
from dragoman.security.authenticator import ANONYMOUS
from dragoman.security.policy import Caller
from dragoman.wire.messages import WireRequest
from tests.unit.security.hashes import policy, user

KNOWN = Caller("ops", (), Code.PERMISSION_DENIED, "no")
GUARDED = policy(credentials=[user()])


def code_of(peer: str, caller: Caller | None, allow_remote: bool = False) -> Code | None:
    access = None if caller is None else Access(GUARDED, caller, "", ())
    try:
        check_control(WireRequest("POST", "/", "", [], b"", peer=peer), access, allow_remote=allow_remote)
    except DragomanError as error:
        return error.code
    return None


@pytest.mark.parametrize("caller", [None, ANONYMOUS, KNOWN])
def test_this_machine_may(caller: Caller | None) -> None:
    assert code_of("127.0.0.1", caller) is None
    assert code_of("[::1]:4711", caller) is None


@pytest.mark.parametrize(
    ("caller", "code"), [(None, Code.PERMISSION_DENIED), (ANONYMOUS, Code.UNAUTHENTICATED), (KNOWN, None)]
)
def test_another_may_where_it_can_prove_who_it_is(caller: Caller | None, code: Code | None) -> None:
    assert code_of("192.0.2.1", caller) is code


def test_the_settings_may_open_it_to_all() -> None:
    assert code_of("192.0.2.1", None, allow_remote=True) is None

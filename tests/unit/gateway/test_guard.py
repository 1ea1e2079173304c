"""What callers may do and see."""

import asyncio

import pytest

from dragoman.core.access import Permission
from dragoman.core.control import Load, Reload, Unload
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.gateway.guard import Access, Guard
from dragoman.security.authenticator import ANONYMOUS
from dragoman.security.policy import Caller, Policy, known
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.security.hashes import deployed, policy, user

GUARDED = policy(deployed("d", "closed", user(allow=tuple(Permission))))
REPORT = StatusReport(
    {
        "closed": ModelStatus("closed", (VersionStatus(1, State.LOADING),)),
        "open": ModelStatus("open", (VersionStatus(1, State.READY),)),
    }
)


def access(caller: Caller = ANONYMOUS, found: Policy = GUARDED, **way: object) -> Access:
    return Access(found, caller, way.get("deployment", ""), way.get("opened", ()))


def holder() -> Caller:
    (login,) = GUARDED.keyring.logins("pineapple")
    return known([login.credential])


def code_of(call: object, *arguments: object, **more: object) -> Code | None:
    try:
        call(*arguments, **more)
    except DragomanError as error:
        return error.code
    return None


class TestView:
    """What a caller sees of the models."""

    def test_a_closed_model_is_not_listed(self) -> None:
        seen = access().view(REPORT, Permission.STATUS).models
        assert list(seen) == ["open"]
        assert len(seen) == 1
        assert [model.name for model in seen.values()] == ["open"]
        assert dict(seen.items()) == {"open": REPORT.models["open"]}

    @pytest.mark.parametrize("name", ["closed"])
    def test_asking_for_a_closed_model_by_name_is_refused(self, name: str) -> None:
        seen = access().view(REPORT, Permission.STATUS).models
        for ask in (seen.get, seen.__getitem__, seen.__contains__):
            assert code_of(ask, name) is Code.UNAUTHENTICATED

    def test_a_closed_model_that_is_not_loaded_is_refused_all_the_same(self) -> None:
        seen = access().view(StatusReport(), Permission.STATUS).models
        assert code_of(seen.get, "closed") is Code.UNAUTHENTICATED
        assert seen.get("unknown") is None

    def test_who_may_see_it_sees_it(self) -> None:
        seen = access(holder()).view(REPORT, Permission.STATUS).models
        assert list(seen) == ["closed", "open"]
        assert seen["closed"] is REPORT.models["closed"]

    def test_the_server_is_as_ready_as_it_is_for_everyone(self) -> None:
        assert not REPORT.ready
        assert not access().view(REPORT, None).ready

    def test_who_may_see_nothing_is_refused_unless_it_is_for_everyone(self) -> None:
        nothing = access(found=policy(anonymous=[]))
        assert code_of(nothing.view, REPORT, Permission.STATUS) is Code.UNAUTHENTICATED
        assert list(nothing.view(REPORT, None).models) == []

    def test_a_listener_may_open_a_model_by_name(self) -> None:
        opened = access(opened={"closed"})
        assert code_of(opened.check, "closed", Permission.INFER) is None
        assert list(opened.view(REPORT, Permission.STATUS).models) == ["closed", "open"]


class TestControl:
    """Who may change what is served."""

    def test_strangers_on_this_machine_may_change_open_models_only(self) -> None:
        assert code_of(access().check_control, Load("open"), local=True) is None
        assert code_of(access().check_control, Load("closed"), local=True) is Code.UNAUTHENTICATED
        assert code_of(access().check_control, Reload(), local=True) is Code.UNAUTHENTICATED
        assert code_of(access().check_control, Unload("open"), local=True) is None
        assert code_of(access().check_control, Unload("open", parts=True), local=True) is Code.UNAUTHENTICATED

    def test_strangers_elsewhere_may_change_nothing(self) -> None:
        assert code_of(access().check_control, Load("open"), local=False) is Code.UNAUTHENTICATED

    def test_a_credential_may_change_its_model_from_anywhere(self) -> None:
        for local in (True, False):
            assert code_of(access(holder()).check_control, Load("closed"), local=local) is None
            assert code_of(access(holder()).check_control, Reload(), local=local) is Code.PERMISSION_DENIED
        assert code_of(access(holder()).check_control, Load("open"), local=False) is Code.PERMISSION_DENIED


def test_a_server_without_credentials_is_not_guarded() -> None:
    guard = Guard()
    assert not guard.guarded
    guard.adopt(GUARDED)
    assert guard.guarded
    guard.adopt(policy())
    assert not guard.guarded
    guard.close()


def test_a_request_without_credentials_is_admitted_as_a_strangers_at_once() -> None:
    guard = Guard(GUARDED)
    wire = WireRequest("POST", "/", "", [], b"", deployment="d")
    assert guard.admit(wire, ()) == Access(GUARDED, ANONYMOUS, "d", ())
    guard.close()


def test_a_request_with_a_password_is_admitted_when_it_is_verified() -> None:
    async def scene() -> None:
        guard = Guard(GUARDED)
        headers = [(b"authorization", b"Basic cGluZWFwcGxlOmZhbmF0aWM=")]
        admitted = guard.admit(WireRequest("POST", "/", "", headers, b""), ())
        assert not isinstance(admitted, Access)
        assert (await admitted).caller.name == "pineapple"
        guard.close()

    asyncio.run(scene())


def test_a_challenge_is_added_to_what_the_answer_has() -> None:
    guard = Guard(GUARDED)
    response = WireResponse(401, headers=[(b"A", b"b")])
    guard.challenge(response)
    assert response.headers == [
        (b"A", b"b"),
        (b"WWW-Authenticate", b'Basic realm="dragoman", charset="UTF-8"'),
    ]
    guard.close()

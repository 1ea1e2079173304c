"""Who may do what."""

from pathlib import Path

import pytest

from dragoman.core.access import Permission
from dragoman.core.errors import Code, DragomanError
from dragoman.security.offered import token_digest
from dragoman.security.policy import OPEN, Caller, Policy, known, make_policy, stranger
from dragoman.security.secret_files import SecretReader
from dragoman.settings.access import AccessSettings, CredentialSettings, SecretSettings
from dragoman.settings.deployment import Deployment
from tests.unit.security.hashes import FANATIC, OTHER, TOKEN, deployed, policy, user

INFER, STATUS, CONTROL, METRICS = Permission
NOBODY = stranger("who?")


def holder(found: Policy, username: str) -> Caller:
    return known([login.credential for login in found.keyring.logins(username)])


def test_a_server_without_credentials_lets_everyone_do_everything() -> None:
    assert not OPEN.guarded
    assert not policy().guarded
    assert not policy(deployed("d", "m")).guarded
    assert all(policy().allows(NOBODY, "m", permission, "") for permission in Permission)


def test_a_deployment_with_credentials_closes_its_model_on_every_way() -> None:
    found = policy(deployed("d", "m", user()), deployed("e", "m"))
    assert found.guarded
    for way in ("", "d", "e"):
        assert not found.allows(NOBODY, "m", INFER, way)
        assert not found.allows(NOBODY, "m", STATUS, way)
        assert found.allows(holder(found, "pineapple"), "m", INFER, way)
        assert found.allows(holder(found, "pineapple"), "m", STATUS, way)
    assert found.allows(NOBODY, "other", INFER, "")


def test_a_deployments_user_may_call_and_see_its_model_and_nothing_more() -> None:
    found = policy(deployed("d", "m", user()), deployed("e", "n", user("other")))
    caller = holder(found, "pineapple")
    assert not found.allows(caller, "n", INFER, "")
    assert not found.allows(caller, "m", CONTROL, "")
    assert not found.allows(caller, None, CONTROL, "")
    assert caller.refusal().code is Code.PERMISSION_DENIED


def test_the_mount_of_a_deployment_with_credentials_does_not_take_anothers() -> None:
    found = policy(deployed("d", "m", user()), deployed("e", "m", user("other")))
    caller = holder(found, "pineapple")
    assert found.allows(caller, "m", INFER, "")
    assert found.allows(caller, "m", INFER, "d")
    assert not found.allows(caller, "m", INFER, "e")


def test_an_open_deployment_serves_everyone_by_its_mount_alone() -> None:
    found = policy(deployed("d", "m", user()), deployed("free", "m", open=True), deployed("e", "n", user()))
    assert found.allows(NOBODY, "m", INFER, "free")
    assert not found.allows(NOBODY, "m", INFER, "")
    assert not found.allows(NOBODY, "n", INFER, "free")


def test_the_servers_own_credentials_are_good_everywhere_or_for_the_models_they_name() -> None:
    some = user("some", allow=(INFER,), models=("m",))
    found = policy(deployed("d", "m", user()), credentials=[user("all", allow=tuple(Permission)), some])
    everywhere, there = holder(found, "all"), holder(found, "some")
    assert all(found.allows(everywhere, "m", permission, "d") for permission in Permission)
    assert found.allows(everywhere, None, CONTROL, "")
    assert found.allows(there, "m", INFER, "d")
    assert not found.allows(there, "m", STATUS, "d")


def test_what_strangers_may_do_can_be_narrowed() -> None:
    found = policy(anonymous=[STATUS])
    assert found.guarded
    assert found.allows(NOBODY, "m", STATUS, "")
    assert not found.allows(NOBODY, "m", INFER, "")
    assert found.allows_some(NOBODY, STATUS)
    assert not found.allows_some(NOBODY, METRICS)


def test_the_whole_repository_is_closed_where_a_model_is() -> None:
    found = policy(deployed("d", "m", user()))
    assert not found.allows(NOBODY, None, CONTROL, "")
    assert policy(credentials=[user()]).allows(NOBODY, None, CONTROL, "")


def test_deployments_are_known_by_name_and_by_id() -> None:
    one = Deployment(name="d", id="des1", model="m")
    assert policy(one).deployments == {"d": one, "des1": one}


def test_a_challenge_names_what_there_is() -> None:
    token = CredentialSettings(token=SecretSettings(env="TOKEN"))
    basic, bearer = b'Basic realm="dragoman", charset="UTF-8"', b'Bearer realm="dragoman"'
    assert policy(credentials=[user()]).challenges == (basic,)
    assert policy(credentials=[token]).challenges == (bearer,)
    assert policy(credentials=[user(), token]).challenges == (bearer, basic)


@pytest.mark.parametrize(
    ("deployments", "said"),
    [
        ([deployed("d", "m"), deployed("d", "n")], "two deployments are called 'd'"),
        ([deployed("d", "m", id="e"), deployed("e", "n")], "two deployments are called 'e'"),
        ([deployed("a/b", "m")], "not a model name"),
        ([deployed("d", "..")], "not a model name"),
        ([deployed("d", "m", user(), open=True)], "deployment 'd': one that has credentials cannot be open"),
        ([deployed("d", "m", user(models=("n",)))], "deployment 'd': its credentials are for its own model"),
        ([deployed("d", "m", user("a:b"))], "no colon"),
        ([deployed("d", "m", user("", FANATIC))], "not empty"),
        ([deployed("d", "m", user("u", "plain"))], "deployment 'd': credential 'u': what is no whole hash"),
        ([deployed("d", "m", CredentialSettings(name="n"))], "credential 'n': give username and password"),
        ([deployed("d", "m", CredentialSettings(username="n"))], "give username and password"),
        ([deployed("d", "m", user(htpasswd="f"))], "give username and password, or token, or htpasswd"),
    ],
)
def test_deployments_that_cannot_be_are_refused(deployments: list[Deployment], said: str) -> None:
    with pytest.raises(DragomanError, match=said):
        policy(*deployments)


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "a\r\nb", "ä"])
def test_a_realm_that_no_header_can_hold_is_refused(realm: str) -> None:
    with pytest.raises(DragomanError, match=r"access\.realm"):
        make_policy(AccessSettings(realm=realm), [], SecretReader())


class TestSecrets:
    """Where passwords and tokens come from."""

    def read(self, credential: CredentialSettings, **environment: str) -> Policy:
        return make_policy(AccessSettings(credentials=(credential,)), [], SecretReader(environment))

    def test_a_password_may_lie_in_a_file_or_a_variable_plain_or_hashed(self, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        for text in ("fanatic\n", f"{FANATIC}\r\nignored\n"):
            file.write_text(text)
            sources = (SecretSettings(file=str(file)), SecretSettings(env="SECRET"))
            for source in sources:
                found = self.read(
                    CredentialSettings(username="u", password=source), SECRET=text.splitlines()[0]
                )
                (login,) = found.keyring.logins("u")
                assert login.hashed.startswith("$")

    def test_a_token_may_be_given_by_its_hash(self) -> None:
        settings = CredentialSettings(
            name="t", token=SecretSettings(hash=f"sha256:{token_digest(TOKEN.encode()).hex()}")
        )
        (found,) = self.read(settings).keyring.holders(token_digest(TOKEN.encode()))
        assert found.name == "t"

    def test_every_user_of_an_htpasswd_file_is_a_credential(self, tmp_path: Path) -> None:
        file = tmp_path / "users"
        file.write_text(f"a:{FANATIC}\nb:{OTHER}\n")
        found = self.read(CredentialSettings(htpasswd=str(file), allow=(METRICS,)))
        assert found.allows(holder(found, "a"), "m", METRICS, "")
        assert holder(found, "b").name == "b"

    @pytest.mark.parametrize(
        ("secret", "said"),
        [
            (SecretSettings(), "exactly one of hash, file and env"),
            (SecretSettings(hash=FANATIC, env="X"), "exactly one"),
            (SecretSettings(file="/nowhere/at/all"), "/nowhere/at/all: no such file"),
            (SecretSettings(env="MISSING"), "MISSING is empty or not there"),
            (SecretSettings(hash=""), "hash is empty or not there"),
        ],
    )
    def test_a_secret_that_is_not_there_is_told(self, secret: SecretSettings, said: str) -> None:
        with pytest.raises(DragomanError, match=said):
            self.read(CredentialSettings(username="u", password=secret))

    @pytest.mark.parametrize("text", ["short", "sha256:1234"])
    def test_a_token_that_can_be_guessed_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(DragomanError, match="16 characters") as caught:
            self.read(CredentialSettings(name="t", token=SecretSettings(env="T")), T=text)
        assert text not in caught.value.message

    def test_secrets_are_not_printed(self) -> None:
        deployment = deployed("d", "m", user())
        (login,) = policy(deployment).keyring.logins("pineapple")
        for shown in map(repr, (deployment, login, policy(deployment))):
            assert FANATIC not in shown

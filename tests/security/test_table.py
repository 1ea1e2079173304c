"""Model x route x credential: a model that is deployed with credentials is closed, and unlisted, everywhere.

The server has two copies of one model. `secret` is deployed with a password, `public` is not; a third
deployment, with a password of its own, is of another model. Every route of every protocol, every mount and
every gRPC method is called for both models, by callers that know each of the credentials or none.
"""

import base64
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from bcrypt import gensalt, hashpw

from tests.e2e.process import DIGITS, serving
from tests.security.calls import Answer, grpc_calls, mount_calls, rest_calls
from tests.server_process import Address

SECRET, PUBLIC = "secret-model", "public-model"
TOKEN: Final = "the-token-of-the-operators"
OWN_TOKEN: Final = "the-token-of-the-deployment"


def basic(text: str) -> Mapping[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


# What callers send, and how they stand to the closed model.
STRANGERS: Final = {
    "nothing": {},
    "wrong password": basic("pineapple:fanatiC"),
    "unknown user": basic("nobody:fanatic"),
    "broken base64": {"Authorization": "Basic ???"},
    "unknown scheme": {"Authorization": "Digest username=pineapple"},
    "unknown token": {"Authorization": "Bearer something-else-entirely"},
    "unknown key": {"X-API-Key": "something-else-entirely"},
}
OTHERS: Final = {"another deployment's user": basic("mango:fanatic")}
ALLOWED: Final = {
    "its user": basic("pineapple:fanatic"),
    "its token": {"Authorization": f"Bearer {OWN_TOKEN}"},
    "operators' token": {"Authorization": f"Bearer {TOKEN}"},
    "operators' key": {"X-API-Key": TOKEN},
}
OUTSIDERS: Final = STRANGERS | OTHERS

CONFIG: Final = """
repository: models
log: {{access: 'off'}}
access:
  attempts: {{peer_burst: 100000, burst: 100000}}
  credentials:
  - name: operators
    token: {{env: OPERATORS_TOKEN}}
    allow: [infer, status, control, metrics]
deployments_file: ''
deployments:
- name: guarded
  id: des1
  model: secret-model
  credentials:
  - {{username: pineapple, password: {{hash: {hashed}}}}}
  - {{name: till, token: {{env: OWN_TOKEN}}}}
- name: mangoes
  model: third-model
  credentials: [{{username: mango, password: {{hash: {hashed}}}}}]
listeners:
- port: 0
  mounts:
  - prefix: /model-serving/{{deployment}}
  - prefix: /workspaces/{{workspace}}/deployments/{{deployment}}
  - {{prefix: /serving, target: /}}
- {{port: 0, transport: grpc}}
- {{port: 0, dialect: tfserving, mounts: []}}
- {{port: 0, transport: grpc, dialect: tfserving}}
- {{port: 0, dialect: kserve}}
- {{port: 0, transport: grpc, dialect: kserve}}
- {{port: 0, open_models: [secret-model]}}
- {{port: 0, dialect: torchserve}}
- {{port: 0, transport: grpc, dialect: torchserve}}
- {{port: 0, dialect: torchserve, protocols: [torchserve_management]}}
- {{port: 0, transport: grpc, dialect: torchserve, protocols: [torchserve_management]}}
"""
LISTENERS: Final = (
    ("superset", "http"),
    ("superset", "grpc"),
    ("tfserving", "http"),
    ("tfserving", "grpc"),
    ("kserve", "http"),
    ("kserve", "grpc"),
    ("open", "http"),
    ("torchserve", "http"),
    ("torchserve", "grpc"),
    ("torchserve_management", "http"),
    ("torchserve_management", "grpc"),
)
Addresses = Mapping[tuple[str, str], Address]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("table")
    for name in (SECRET, PUBLIC, "third-model"):
        shutil.copytree(DIGITS, folder / "models" / name)
    (folder / "dragoman.yaml").write_text(CONFIG.format(hashed=hashpw(b"fanatic", gensalt(4)).decode()))
    environment = {**os.environ, "OPERATORS_TOKEN": TOKEN, "OWN_TOKEN": OWN_TOKEN}
    with serving("serve", str(folder / "dragoman.yaml"), cwd=folder, env=environment) as server:
        while sum(line.startswith("listening on ") for line in server.lines) < len(LISTENERS):
            server.read_until("listening on ")
        urls = [line.split()[-1] for line in server.lines if line.startswith("listening on ")]
        found = [url.partition("://")[2].rpartition(":") for url in urls]
        yield {key: Address(host, int(port)) for key, (host, _, port) in zip(LISTENERS, found, strict=True)}


DIALECTS: Final = ("superset", "tfserving", "kserve", "torchserve")
CALLS = [call for dialect in DIALECTS for call in (*rest_calls(dialect), *grpc_calls(dialect))]
MODEL_CALLS = [call for call in CALLS if call.model]
HARMLESS_CALLS = [call for call in MODEL_CALLS if not call.control and not call.measures]
MEASURING_CALLS = [call for call in MODEL_CALLS if call.measures]
CONTROL_CALLS = [call for call in MODEL_CALLS if call.control]
OTHER_CALLS = [call for call in CALLS if not call.model and not call.control]
PREFIXED_CALLS = [call for call in mount_calls("/serving", "") if "{model}" in call.template]
MOUNT_CALLS = [
    call
    for prefix in ("/model-serving/{model}", "/workspaces/{workspace}/deployments/{model}")
    for call in mount_calls(prefix, "/v1/models/{model}")
]


def send(addresses: Addresses, call: Any, model: str, headers: Mapping[str, str]) -> Answer:
    return call.send(addresses[call.way], model, headers)


@pytest.mark.parametrize("call", [*MODEL_CALLS, *PREFIXED_CALLS], ids=str)
def test_a_closed_model_is_closed(call: Any, addresses: Addresses) -> None:
    for name, headers in STRANGERS.items():
        answer = send(addresses, call, SECRET, headers)
        assert answer.anonymous, (name, answer)
        assert 'Basic realm="dragoman"' in answer.headers["www-authenticate"], (name, answer)
    for name, headers in OTHERS.items():
        answer = send(addresses, call, SECRET, headers)
        assert answer.forbidden, (name, answer)


def test_a_closed_model_that_a_query_names_is_closed(addresses: Addresses) -> None:
    (call,) = [call for call in CALLS if str(call) == "torchserve POST /invocations"]
    named = call._replace(template=f"/invocations?model_name={SECRET}")
    for name, headers in STRANGERS.items():
        assert send(addresses, named, SECRET, headers).anonymous, name
    for name, headers in OTHERS.items():
        assert send(addresses, named, SECRET, headers).forbidden, name
    for name, headers in ALLOWED.items():
        assert send(addresses, named, SECRET, headers).status == 200, name


@pytest.mark.parametrize("call", HARMLESS_CALLS, ids=str)
def test_a_closed_model_is_open_to_who_may_use_it(call: Any, addresses: Addresses) -> None:
    plain = send(addresses, call, PUBLIC, {})
    for name, headers in ALLOWED.items():
        answer = send(addresses, call, SECRET, headers)
        assert answer.status == plain.status, (name, answer)
        assert not answer.anonymous, (name, answer)
        assert not answer.forbidden, (name, answer)


@pytest.mark.parametrize("call", MEASURING_CALLS, ids=str)
def test_the_figures_of_a_closed_model_are_for_who_may_measure(call: Any, addresses: Addresses) -> None:
    plain = send(addresses, call, PUBLIC, {})
    assert send(addresses, call, SECRET, ALLOWED["its user"]).forbidden
    for name in ("operators' token", "operators' key"):
        answer = send(addresses, call, SECRET, ALLOWED[name])
        assert answer.status == plain.status, (name, answer)
        assert SECRET.encode() in answer.body, (name, answer)


@pytest.mark.parametrize("call", HARMLESS_CALLS, ids=str)
def test_an_open_model_asks_nobody_who_they_are(call: Any, addresses: Addresses) -> None:
    for name, headers in (OUTSIDERS | ALLOWED).items():
        answer = send(addresses, call, PUBLIC, headers)
        assert not answer.anonymous, (name, answer)
        assert not answer.forbidden, (name, answer)


@pytest.mark.parametrize("call", OTHER_CALLS, ids=str)
def test_no_answer_tells_outsiders_of_a_closed_model(call: Any, addresses: Addresses) -> None:
    for headers in ALLOWED.values():  # so that there is something to be told, in metrics too
        send(addresses, HARMLESS_CALLS[0], SECRET, headers)
    for name, headers in OUTSIDERS.items():
        answer = send(addresses, call, SECRET, headers)
        assert SECRET.encode() not in answer.body, (name, answer)
        assert not answer.anonymous, (name, answer)


def test_listings_and_metrics_tell_who_may_see_it(addresses: Addresses) -> None:
    for call in rest_calls("superset"):
        if call.operation.name in ("v1.rest.list", "native.models", "native.metrics"):
            answer = send(addresses, call, SECRET, ALLOWED["operators' token"])
            assert SECRET.encode() in answer.body, call
            assert PUBLIC.encode() in answer.body, call


@pytest.mark.parametrize("call", MOUNT_CALLS, ids=str)
@pytest.mark.parametrize("name", ["guarded", "des1", SECRET])
def test_every_mount_is_closed_too(call: Any, name: str, addresses: Addresses) -> None:
    for caller, headers in STRANGERS.items():
        answer = send(addresses, call, name, headers)
        assert answer.status == 401, (caller, answer)
        assert "error" in answer.body.decode(), (caller, answer)
    for caller, headers in OTHERS.items():
        assert send(addresses, call, name, headers).status == 403, caller
    for caller, headers in ALLOWED.items():
        assert send(addresses, call, name, headers).status not in (401, 403), caller


@pytest.mark.parametrize("call", [call for call in HARMLESS_CALLS if call.way == LISTENERS[0]], ids=str)
def test_a_listener_that_opens_it_by_name_serves_everyone(call: Any, addresses: Addresses) -> None:
    for name, headers in OUTSIDERS.items():
        answer = call.send(addresses["open", "http"], SECRET, headers)
        assert answer.status not in (401, 403), (name, answer)


@pytest.mark.parametrize("call", [call for call in CALLS if call.control and not call.model], ids=str)
def test_what_changes_all_models_is_closed_where_one_is(call: Any, addresses: Addresses) -> None:
    for name, headers in STRANGERS.items():
        assert send(addresses, call, SECRET, headers).anonymous, name
    for name, headers in (OTHERS | {"its user": ALLOWED["its user"]}).items():
        assert send(addresses, call, SECRET, headers).forbidden, name


@pytest.mark.parametrize("call", CONTROL_CALLS, ids=str)
def test_a_deployments_user_may_not_change_what_is_served(call: Any, addresses: Addresses) -> None:
    assert send(addresses, call, SECRET, ALLOWED["its user"]).forbidden


@pytest.mark.parametrize("call", CONTROL_CALLS, ids=str)  # last: they change what is served
def test_operators_may(call: Any, addresses: Addresses) -> None:
    answer = send(addresses, call, SECRET, ALLOWED["operators' token"])
    assert not answer.anonymous, answer
    assert not answer.forbidden, answer


def test_the_table_has_calls_of_every_kind() -> None:
    assert len(MODEL_CALLS) > 30
    assert len(MOUNT_CALLS) == 2 * sum(
        call.model for call in rest_calls("superset") if call.template.startswith("/v1/")
    )
    assert {call.dialect for call in MODEL_CALLS} == set(DIALECTS)

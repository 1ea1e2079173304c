"""Deployments as Gradient's users know them: made by command, called by the founding document's client."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.process import DIGITS, dragoman_run, fetch, serving

CLIENT = Path(__file__).parents[2] / "examples" / "digits" / "client.py"
BASIC = "Authorization: Basic cGluZWFwcGxlOmZhbmF0aWM="  # pineapple:fanatic
PIXELS = json.dumps({"inputs": [[0.0] * 64]})


@pytest.fixture
def folder(tmp_path):
    """A repository with the digits model, and a server's settings beside it."""
    shutil.copytree(DIGITS, tmp_path / "models" / "digits")
    (tmp_path / "dragoman.yaml").write_text("repository: models\nwatch_s: 0.05\nlisteners: [{port: 0}]\n")
    return tmp_path


def deployments(folder, *arguments, **options):
    return dragoman_run("deployments", *arguments, cwd=folder, **options)


def created(folder, name, *arguments, **options):
    """A new deployment of the digits, as the command tells of it."""
    ended = deployments(folder, "create", name, "--model", "digits", "--json", *arguments, **options)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@contextlib.contextmanager
def served(folder):
    with serving("serve", str(folder / "dragoman.yaml"), cwd=folder) as server:
        yield server


def client(url, *credentials):
    """What the founding document's client prints."""
    image = DIGITS.parent / "images" / "digit-7.png"
    if credentials:
        url = url.replace("://", f"://{':'.join(credentials)}@")
    ended = subprocess.run(
        [sys.executable, str(CLIENT), str(image), url], capture_output=True, text=True, check=True
    )
    return ended.stdout


def curl(*arguments):
    """Status and body of a `curl` line."""
    command = ["curl", "-sS", "-w", "\n%{http_code}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    body, _, status = ended.stdout.rpartition("\n")
    return int(status), body


def test_the_founding_documents_client_and_curl_work_without_authentication(folder):
    created(folder, "numbers")
    with served(folder) as server:
        url = f"{server.url}/model-serving/numbers"
        printed = client(f"{url}:predict")
        assert "HTTP Response 200" in printed
        assert '"label":[7]' in printed.replace(" ", "")
        for path in ("", "/versions/1", "/metadata", "/versions/1/metadata"):
            assert curl("-X", "GET", f"{url}{path}")[0] == 200
        assert curl("-d", PIXELS, "-X", "POST", f"{url}/versions/1:predict")[0] == 200


def test_they_work_with_basic_authentication_and_the_model_is_closed_everywhere_else(folder):
    (folder / "secret").write_text("fanatic\n")
    login = ("--auth-username", "pineapple", "--auth-password-file", "secret")
    made = created(folder, "numbers", *login)
    assert made["users"] == ["pineapple"]
    with served(folder) as server:
        for name in ("numbers", made["id"], "digits"):
            url = f"{server.url}/model-serving/{name}"
            assert "HTTP Response 200" in client(f"{url}:predict", "pineapple", "fanatic")
            assert "HTTP Response 401" in client(f"{url}:predict")
            assert "HTTP Response 401" in client(f"{url}:predict", "pineapple", "wrong")
            assert curl("-H", BASIC, url)[0] == 200
            assert curl("-u", "pineapple:fanatic", "-d", PIXELS, f"{url}:predict")[0] == 200
            status, body = curl(url)
            assert (status, json.loads(body)) == (401, {"error": "credentials are needed"})
        assert curl("-d", PIXELS, f"{server.url}/v1/models/digits:predict")[0] == 401
        assert "digits" not in curl(f"{server.url}/v1/models")[1]
        assert "digits" in curl("-H", BASIC, f"{server.url}/v1/models")[1]


def test_a_pair_of_keys_and_a_token_open_a_deployment_of_deeploys(folder):
    (folder / "secret").write_text("fanatic\n")
    (folder / "token").write_text("the-token-of-the-numbers\n")
    flags = ("--auth-username", "pineapple", "--auth-password-file", "secret", "--auth-token-file", "token")
    made = created(folder, "numbers", *flags)
    rows = json.dumps({"instances": [[0.0] * 64]})
    with served(folder) as server:
        for prefix in ("/deployments", "/workspaces/w/deployments"):
            for name in ("numbers", made["id"], "digits"):
                url = f"{server.url}{prefix}/{name}/predict"
                assert curl("-u", "pineapple:fanatic", "-d", rows, url)[0] == 200
                assert curl("-H", "Authorization: Bearer the-token-of-the-numbers", "-d", rows, url)[0] == 200
                assert curl("-H", "Authorization: Bearer the-token-of-the-others", "-d", rows, url)[0] == 401
                assert curl("-d", rows, url) == (401, '{"error":"credentials are needed"}')


def test_a_server_takes_up_what_the_command_changes(folder):
    with served(folder) as server:

        def taken_up():
            assert any('"access changed"' in line for line in server.process.stderr)

        url = f"{server.url}/model-serving/numbers"
        assert fetch(url)[0] == 404
        created(folder, "numbers")
        taken_up()
        assert fetch(url)[0] == 200
        update = ("update", "numbers", "--auth-username", "pineapple", "--auth-password-file", "-")
        assert deployments(folder, *update, input="fanatic\n").returncode == 0
        taken_up()
        assert fetch(url)[0] == fetch(f"{server.url}/v1/models/digits")[0] == 401
        assert curl("-H", BASIC, url)[0] == 200
        assert deployments(folder, "delete", "numbers").returncode == 0
        taken_up()
        assert fetch(url)[0] == 404
        assert fetch(f"{server.url}/v1/models/digits")[0] == 200


def test_a_broken_file_leaves_a_server_as_it_was_and_stops_a_new_one(folder):
    created(folder, "numbers", "--auth-username", "pineapple", "--authPassword", "fanatic")
    with served(folder) as server:
        (folder / "deployments.yaml").write_text("deployments:\n- nam: numbers\n")
        line = next(line for line in server.process.stderr if '"access stays as it was"' in line)
        assert "deployments.yaml:2: deployments[0].nam: there is no such key" in line
        assert fetch(f"{server.url}/v1/models/digits")[0] == 401
    ended = dragoman_run("serve", "dragoman.yaml", cwd=folder)
    assert ended.returncode == 1
    assert "deployments.yaml:2" in ended.stderr


class TestCommand:
    """`dragoman deployments` itself."""

    def test_it_takes_gradients_own_flags(self, tmp_path):
        ended = deployments(
            tmp_path, "create", "--deploymentType", "TFServing", "--name", "numbers", "--modelId", "digits",
            "--authUsername", "pineapple", "--authPassword", "fanatic",
        )  # fmt: skip
        assert ended.returncode == 0
        assert "closed to all but pineapple" in ended.stdout
        text = (tmp_path / "deployments.yaml").read_text()
        assert "$argon2id$" in text
        assert "fanatic" not in text

    def test_no_secret_is_printed(self, tmp_path):
        created(tmp_path, "numbers", "--authUsername", "pineapple", "--authPassword", "fanatic")
        for arguments in (("list",), ("list", "--json"), ("update", "numbers", "--model", "other")):
            ended = deployments(tmp_path, *arguments)
            assert ended.returncode == 0
            assert "argon2" not in ended.stdout + ended.stderr
            assert "fanatic" not in ended.stdout + ended.stderr

    def test_a_list_can_be_read_by_programs(self, tmp_path):
        made = [created(tmp_path, "a"), created(tmp_path, "b", "--version", "3")]
        assert json.loads(deployments(tmp_path, "list", "--json").stdout) == made
        assert made[1]["version"] == 3
        assert made[0]["id"] != made[1]["id"]

    def test_an_update_keeps_what_it_is_not_told(self, tmp_path):
        created(tmp_path, "a", "--version", "3", "--authUsername", "u", "--authPassword", "p")
        old = (tmp_path / "deployments.yaml").read_text()
        assert deployments(tmp_path, "update", "a", "--model", "other").returncode == 0
        assert (tmp_path / "deployments.yaml").read_text() == old.replace("model: digits", "model: other")

    def test_a_token_stands_beside_a_password_or_alone(self, tmp_path):
        (tmp_path / "token").write_text("a-token-of-many-characters\n")
        (tmp_path / "other").write_text("another-token-of-many-characters\n")
        login = ("--auth-username", "u", "--auth-password", "p")
        created(tmp_path, "a", *login, "--auth-token-file", "token")
        created(tmp_path, "b", "--auth-token-file", "token")
        text = (tmp_path / "deployments.yaml").read_text()
        assert text.count("sha256:") == 2
        assert "a-token-of" not in text
        changes = [
            ("b", ("--auth-username", "v", "--auth-password", "p")),
            ("a", ("--auth-token-file", "other")),
        ]
        for name, flags in changes:
            assert deployments(tmp_path, "update", name, *flags).returncode == 0
        listed = json.loads(deployments(tmp_path, "list", "--json").stdout)
        assert [one["users"] for one in listed] == [
            ["u", "(token or htpasswd file)"],
            ["v", "(token or htpasswd file)"],
        ]
        changed = (tmp_path / "deployments.yaml").read_text()
        assert changed.count("sha256:") == 2
        assert changed != text

    def test_credentials_can_be_taken_away(self, tmp_path):
        made = created(tmp_path, "a", "--authUsername", "u", "--authPassword", "p")
        assert deployments(tmp_path, "update", "--id", made["id"], "--no-auth").returncode == 0
        assert json.loads(deployments(tmp_path, "list", "--json").stdout)[0]["users"] == []

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (("create", "a", "--model", "m"), 1, "two deployments are called 'a'"),
            (("create", "a/b", "--model", "m"), 1, "not a model name"),
            (("create", "b", "--model", "m", "--authPassword", "p"), 2, "needs its --auth-username"),
            (("create", "b", "--model", "m", "--authUsername", "u"), 2, "--auth-password-file"),
            (("create", "b", "--model", "m", "--authUsername", "u", "--authPassword", ""), 2, "1 to 1024"),
            (
                ("create", "b", "--model", "m", "--auth-username", "u", "--auth-password-file", "no"),
                1,
                "no cannot",
            ),
            (("create", "b", "--model", "m", "--auth-token-file", "short"), 2, "short: a token has 16"),
            (("create", "b", "--model", "m", "--auth-token-file", "no"), 1, "no cannot be read"),
            (("update", "a", "--no-auth", "--auth-token-file", "short"), 2, "--no-auth does not go with"),
            (("create", "b", "--model", "m", "--deploymentType", "Container"), 2, "Container"),
            (("update", "b", "--model", "m"), 1, "there is no deployment 'b'"),
            (("update", "a", "--no-auth", "--authUsername", "u"), 2, "--no-auth does not go with"),
            (("delete", "b"), 1, "there is no deployment 'b'"),
        ],
    )
    def test_what_cannot_be_done_is_told_in_a_line(self, tmp_path, arguments, code, said):
        created(tmp_path, "a")
        (tmp_path / "short").write_text("short\n")
        before = (tmp_path / "deployments.yaml").read_text()
        ended = deployments(tmp_path, *arguments, stdin=subprocess.DEVNULL)
        assert ended.returncode == code
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr
        assert (tmp_path / "deployments.yaml").read_text() == before

    def test_a_file_that_others_may_write_is_not_believed(self, tmp_path):
        created(tmp_path, "a")
        os.chmod(tmp_path / "deployments.yaml", 0o666)
        ended = deployments(tmp_path, "list")
        assert ended.returncode == 1
        assert "chmod 600" in ended.stderr

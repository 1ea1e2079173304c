"""Settings as they are shown."""

import yaml

from dragoman.config.dialect import Level, Note
from dragoman.config.shown import document, rows
from dragoman.settings.access import AccessSettings, CredentialSettings, SecretSettings
from dragoman.settings.overlay import NamedModel
from dragoman.settings.server import Listener, ServerSettings
from dragoman.settings.tls import TlsSettings

PEM = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"


def table(settings, **origins):
    return {row.key: row for row in rows(settings, origins)}


def test_every_setting_has_a_row_with_its_origin():
    shown = table(ServerSettings(), **{"limits.body_bytes": "f:3", "log": "f:9"})
    assert shown["limits.body_bytes"].origin == "f:3"
    assert shown["log.level"].origin == "f:9"
    assert shown["limits.connections"].origin == "default"
    assert shown["limits.connections"].value == 10_000


def test_only_what_is_said_of_a_model_has_a_row():
    settings = ServerSettings(models=(NamedModel(name="a", path="x", labels={"s": 1}),))
    keys = [key for key in table(settings) if key.startswith("models")]
    assert keys == ["models[0].labels.s", "models[0].name", "models[0].path"]


def test_no_hash_and_no_private_key_is_shown():
    secret = SecretSettings(hash="$2b$12$verysecret")
    settings = ServerSettings(
        listeners=(Listener(tls=TlsSettings(certificate="c.pem", key=PEM)),),
        access=AccessSettings(credentials=(CredentialSettings(username="u", password=secret),)),
    )
    shown = repr(list(rows(settings, {})))
    assert "secret" not in shown
    assert table(settings)["listeners[0].tls.certificate"].value == "c.pem"


def test_a_path_of_a_private_key_is_shown():
    settings = ServerSettings(listeners=(Listener(tls=TlsSettings(certificate="c.pem", key="k.pem")),))
    assert table(settings)["listeners[0].tls.key"].value == "k.pem"


def test_a_document_says_the_same_with_the_notes_before_it():
    note = Note("--flag", Level.IGNORED, "does\nnothing")
    text = document({"models": [{"name": "a", "path": "x"}]}, (note,))
    assert text.startswith("# --flag: ignored: does nothing\nversion: 1\n")
    assert yaml.safe_load(text) == {"version": 1, "models": [{"name": "a", "path": "x"}]}

"""Certificates in PKCS #12 files, as Java's keytool writes them."""

import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate

from dragoman.core.errors import Code, DragomanError
from dragoman.security.tls import TlsFiles
from dragoman.settings.tls import TlsSettings
from tests.security.certificates import Authority

PASSWORD = "changeit"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A keystore with a certificate, its key and who signed it."""
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("server")
    private: Any = serialization.load_pem_private_key(key.read_bytes(), None)
    data = pkcs12.serialize_key_and_certificates(
        b"server",
        private,
        load_pem_x509_certificate(certificate.read_bytes()),
        [load_pem_x509_certificate(authority.file.read_bytes())],
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    (tmp_path / "keystore.p12").write_bytes(data)
    return tmp_path / "keystore.p12"


def refusal(path: Path, password: str = PASSWORD) -> DragomanError:
    with pytest.raises(DragomanError) as raised:
        TlsFiles(TlsSettings(keystore=str(path), keystore_password=password)).read()
    return raised.value


def test_certificate_chain_and_key_are_those_that_were_put_in(store: Path) -> None:
    files = TlsFiles(TlsSettings(keystore=str(store), keystore_password=PASSWORD))
    found = files.read()
    folder = store.parent
    assert found.certificate == (folder / "server.crt").read_bytes() + (folder / "authority.crt").read_bytes()
    assert found.key == (folder / "server.key").read_bytes()
    assert not files.changed()


def test_a_keystore_that_is_exchanged_is_seen(store: Path) -> None:
    files = TlsFiles(TlsSettings(keystore=str(store), keystore_password=PASSWORD))
    files.read()
    store.write_bytes(b"another")
    assert files.changed()


def test_what_cannot_be_opened_is_told_without_the_password(store: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    for error in (refusal(store, "wrong"), refusal(tmp_path / "text")):
        assert error.message.endswith("no PKCS #12 file, or its password is another")
        assert "wrong" not in error.message
    assert refusal(tmp_path / "absent").code is Code.NOT_FOUND


def test_a_keystore_without_a_key_is_told(store: Path) -> None:
    authority = load_pem_x509_certificate((store.parent / "authority.crt").read_bytes())
    cipher = serialization.BestAvailableEncryption(PASSWORD.encode())
    store.write_bytes(pkcs12.serialize_key_and_certificates(None, None, None, [authority], cipher))
    assert refusal(store).message.endswith("it holds no key with its certificate")


def test_a_keystore_is_given_alone() -> None:
    with pytest.raises(DragomanError, match="it holds certificate and key; give it, or these two"):
        TlsFiles(TlsSettings(keystore="k.p12", certificate="c"))


def test_the_package_that_reads_it_is_named_where_it_is_missing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    assert "pip install 'dragoman[keystore]'" in refusal(store).message


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(TlsSettings(keystore="k.p12", keystore_password="secret"))

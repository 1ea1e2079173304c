"""From what a request says of an archive to a version that can be loaded. Used on threads."""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import structlog
from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.control import Register
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.names import check_model_name, is_model_name
from dragoman.repository.archives.folders import PrivateFolder
from dragoman.repository.archives.heads import archive_manifest, folder_manifest
from dragoman.repository.archives.names import archive_stem, is_archive
from dragoman.repository.downloads import Download, DownloadRules
from dragoman.repository.source import is_unpacked
from dragoman.security.urls import Resolve, check_allowed, compiled, read_networks, refused
from dragoman.settings.manifest import MANIFEST, ManifestModel
from dragoman.settings.model import ModelSettings
from dragoman.settings.registration import RegistrationSettings

SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://.*", re.IGNORECASE | re.DOTALL)
PREFIX: Final = "dragoman-downloads-"
KEPT: Final = ".downloads"  # the folder of a store for what was fetched and found good
GIVEN: Final = (  # what a request may say of a handler, as settings call it
    "handler",
    "runtime",
    "batch_size",
    "max_batch_delay_ms",
    "response_timeout_s",
    "startup_timeout_s",
)


class Arrival(Struct, frozen=True):
    """An archive that was found good, as a version of a model. `origin` = what the request calls it."""

    model: str
    version: str
    path: str
    origin: str
    settings: ModelSettings


class Arrivals:
    """Finds the archives that requests name. `base` gives what is said of every model."""

    def __init__(
        self,
        settings: RegistrationSettings,
        base: Callable[[], ModelSettings],
        parent: str = "",
        resolve: Resolve = socket.getaddrinfo,
    ) -> None:
        self.settings = settings
        self._base = base
        self._resolve = resolve
        self._rules = DownloadRules(
            compiled(settings.allowed_urls),
            read_networks(settings.networks),
            settings.download_bytes,
            settings.download_s,
        )
        kept = os.path.join(settings.store, KEPT) if settings.store else ""
        self._made = {kept} - {""}  # folders that hold what was fetched, each file in one of its own
        self._folder = PrivateFolder(parent, PREFIX, "for downloads (archives.folder)")
        self._log = structlog.get_logger("dragoman.repository")

    def take(self, request: Register) -> Arrival:
        """The version that a request is about.

        Errors: NOT_FOUND with reason URL_REFUSED for an archive that is not there, or may not be used;
        INVALID_ARGUMENT with a reason of MANIFEST_MISSING or MANIFEST_MALFORMED, or for a name that no model
        may have; INTERNAL for one that cannot be read; those of `Download.fetch`.
        """
        if request.name:
            check_model_name(request.name)
        fetched = ""
        try:
            path, fetched = self._found(request.url)
            manifest = read_manifest_of(path)
            name = request.name or manifest.model_name or archive_stem(os.path.basename(path))
            if not is_model_name(name):
                raise invalid(f"{name!r} of the manifest is not a model name")
            path = self._kept(path) if fetched else path
        except BaseException:
            self.discard(fetched)
            raise
        return Arrival(name, manifest.model_version, path, request.url, self._settings(request))

    def discard(self, path: str) -> None:
        """Delete an archive that was fetched; others are their owner's."""
        folder = os.path.dirname(path)
        if path and os.path.dirname(folder) in self._made:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Delete what is not kept."""
        self._folder.close()

    def _found(self, url: str) -> tuple[str, str]:
        """Where the archive lies, and the same again where it was fetched, else nothing.

        Errors: those of `take`.
        """
        if not url:
            raise refused("empty url")
        if ".." in url:
            raise refused(f"Relative path is not allowed in url: {url}")
        scheme = SCHEME.fullmatch(url)
        if scheme is None:
            return self._in_store(url), ""
        check_allowed(url, self._rules.allowed)
        if scheme[1].lower() == "file":
            return there(unquote(urlsplit(url).path), url), ""
        folder = self._folder.path()
        self._made.add(folder)
        try:
            fetched = Download(self._rules, self._resolve).fetch(url, folder, is_archive)
        except DragomanError as error:
            why = "; ".join(getattr(error, "__notes__", [error.message]))
            self._log.warning("download failed", url=url, detail=why)
            raise
        return fetched, fetched

    def _in_store(self, url: str) -> str:
        """Where a file or folder of the store lies; one elsewhere has to be allowed as a URL.

        Errors: NOT_FOUND with reason URL_REFUSED.
        """
        store = self.settings.store
        if not store:
            raise refused("Model store has not been configured.")
        if os.path.isabs(url) and not url.startswith(os.path.join(os.path.abspath(store), "")):
            check_allowed(f"file://{url}", self._rules.allowed)
        return there(os.path.join(store, url), url)

    def _kept(self, path: str) -> str:
        """Where a fetched archive lies from now on: in the store if it may, so that a restart finds it."""
        try:
            home = os.path.join(self.settings.store, KEPT)
            if not self.settings.store:
                return path
            os.makedirs(home, mode=0o700, exist_ok=True)
            folder = tempfile.mkdtemp(dir=home)
            new = shutil.move(path, folder)
        except OSError as error:
            self._log.warning("a download is not kept", detail=str(error))
            return path
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
        return str(new)

    def _settings(self, request: Register) -> ModelSettings:
        """What the request says, over what is said of every model."""
        base = self._base()
        workers = self.settings.workers if request.workers is None else request.workers
        said = {key: getattr(request, key) for key in GIVEN}
        given: dict[str, Any] = {key: value for key, value in said.items() if value not in (None, "")}
        handler = replace(
            base.handler,
            yields=True,
            min_workers=max(workers, 0),
            max_workers=max(workers, 0),
            kept=tuple(given),
            **given,
        )
        return replace(base, handler=handler)


def there(path: str, url: str) -> str:
    """The path of an archive or of an unpacked one.

    Errors: NOT_FOUND with reason URL_REFUSED; INVALID_ARGUMENT with reason MODEL_INVALID.
    """
    if "\0" in path or not os.path.exists(path):
        raise refused(f"Model not found at: {url}")
    path = os.path.abspath(path)
    if not (os.path.isfile(path) and is_archive(path)) and not is_unpacked(path):
        message = f"{url} is no model archive: a file of .mar or .tar.gz, or a folder with {MANIFEST}, is"
        raise invalid(message, Reason.MODEL_INVALID)
    return path


def read_manifest_of(path: str) -> ManifestModel:
    """What the archive says of its model.

    Errors: INVALID_ARGUMENT with a reason of MANIFEST_MISSING or MANIFEST_MALFORMED; INTERNAL with reason
    ARCHIVE_UNUSABLE.
    """
    shown = os.path.basename(path)
    try:
        manifest = folder_manifest(path, shown) if os.path.isdir(path) else archive_manifest(path, shown)
    except OSError as error:
        why = (error.strerror or "unreadable").lower()
        raise DragomanError(
            Code.INTERNAL, f"{shown} cannot be read: {why}", reason=Reason.ARCHIVE_UNUSABLE
        ) from error
    return manifest.model

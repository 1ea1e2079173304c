"""Secrets from where the settings say they are."""

import os
from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.security.watched import Stamp, stamp
from dragoman.settings.access import SecretSettings

MOST_BYTES: Final = 1 << 20


class SecretReader:
    """Reads secrets and remembers which files they came from."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self.files: dict[str, Stamp | None] = {}  # as they were just before they were read

    def secret(self, settings: SecretSettings, what: str) -> str:
        """The secret or its hash, as it is written there.

        Errors: INVALID_ARGUMENT, NOT_FOUND or PERMISSION_DENIED naming `what` and where it was looked for.
        """
        given = [source for source in (settings.hash, settings.file, settings.env) if source is not None]
        if len(given) != 1:
            raise invalid(f"{what}: give exactly one of hash, file and env")
        if settings.hash is not None:
            value = settings.hash
        elif settings.file is not None:
            value = self.text(settings.file, what).partition("\n")[0].rstrip("\r")
        else:
            value = self._environment.get(settings.env or "", "")
        if not value:
            raise invalid(f"{what}: {settings.file or settings.env or 'hash'} is empty or not there")
        return value

    def text(self, file: str, what: str) -> str:
        """The text of a file.

        Errors: as above.
        """
        self.files[file] = stamp(file)
        try:
            with open(file, encoding="utf-8") as opened:
                text = opened.read(MOST_BYTES + 1)
        except OSError as error:
            code = Code.NOT_FOUND if isinstance(error, FileNotFoundError) else Code.PERMISSION_DENIED
            why = (error.strerror or "it cannot be read").lower()
            raise DragomanError(code, f"{what}: {file}: {why}") from error
        except UnicodeDecodeError as error:
            raise invalid(f"{what}: {file}: this is not UTF-8 text") from error
        if len(text) > MOST_BYTES:
            raise invalid(f"{what}: {file}: the file is larger than {MOST_BYTES} bytes")
        return text

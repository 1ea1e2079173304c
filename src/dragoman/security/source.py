"""From settings and files to a policy, again whenever a file changes."""

from collections.abc import Mapping, Sequence

from dragoman.core.errors import Code, DragomanError
from dragoman.security.deployments import read_deployments
from dragoman.security.policy import Policy, make_policy
from dragoman.security.secret_files import SecretReader
from dragoman.security.watched import Stamp, differ
from dragoman.settings.access import AccessSettings
from dragoman.settings.deployment import Deployment


class PolicySource:
    """Makes the policy of one server. Used by one thread at a time."""

    def __init__(self, settings: AccessSettings, deployments: Sequence[Deployment], file: str | None) -> None:
        self._settings = settings
        self._deployments = tuple(deployments)
        self._file = file
        self._files: Mapping[str, Stamp | None] = {}
        self._had_file = False

    def renewed(
        self, settings: AccessSettings, deployments: Sequence[Deployment], file: str | None
    ) -> "PolicySource":
        """A source by newer settings, which knows whether there was a file."""
        new = PolicySource(settings, deployments, file)
        new._had_file = self._had_file and file == self._file
        return new

    def read(self) -> Policy:
        """The policy as the files are now.

        Errors: DragomanError naming what is wrong and where; also where a file of deployments is gone that
        was there, because that would open what it closed.
        """
        read = SecretReader()
        try:
            deployments = self._deployments
            if self._file is not None:
                deployments += read_deployments(self._file, read)
                self._check_there(self._file, read.files[self._file])
            return make_policy(self._settings, deployments, read)
        finally:
            self._files = read.files

    def changed(self) -> bool:
        """Whether a file differs from what was last read."""
        return differ(self._files)

    def _check_there(self, file: str, now: Stamp | None) -> None:
        if now is None and self._had_file:
            raise DragomanError(Code.NOT_FOUND, f"{file}: the file is gone; what it closed stays closed")
        self._had_file = now is not None

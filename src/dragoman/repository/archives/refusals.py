"""Why an archive is not unpacked, in errors."""

from dragoman.core.errors import Code, DragomanError, Reason


def refused(archive: str, why: str) -> DragomanError:
    """The error for an archive that must not be unpacked."""
    return DragomanError(
        Code.INVALID_ARGUMENT, f"{archive} is not unpacked: {why}", reason=Reason.ARCHIVE_UNUSABLE
    )


def damaged(archive: str, why: str) -> DragomanError:
    """The error for an archive that cannot be read; one that is still being copied is such, too."""
    return DragomanError(Code.INTERNAL, f"{archive} cannot be read: {why}", reason=Reason.ARCHIVE_UNUSABLE)


def without_manifest(archive: str) -> DragomanError:
    """The error for an archive that says nothing of a model."""
    return DragomanError(
        Code.INVALID_ARGUMENT,
        f"{archive} holds no MAR-INF/MANIFEST.json, which says what the model is",
        reason=Reason.MANIFEST_MISSING,
    )

"""htpasswd files: a line `user:hash` for each user."""

from collections.abc import Iterator

from dragoman.core.errors import DragomanError, invalid
from dragoman.security.passwords import check_hash


def read_htpasswd(text: str, file: str) -> dict[str, str]:
    """The hash of each user.

    Errors: INVALID_ARGUMENT with a line `file:line: ...` for every entry that is not accepted.
    """
    users: dict[str, str] = {}
    mistakes = []
    for number, line in entries(text):
        user, colon, hashed = line.partition(":")
        try:
            if not user or not colon:
                raise invalid("a line is user:hash")
            if user in users:
                raise invalid(f"user {user!r} is here already")
            users[user] = check_hash(hashed)
        except DragomanError as error:
            who = f"user {user!r}: " if user and colon and user not in users else ""
            mistakes.append(f"{file}:{number}: {who}{error.message}")
    if mistakes:
        raise invalid("\n".join(mistakes))
    return users


def entries(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()

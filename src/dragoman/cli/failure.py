"""How a verb of the command line ends badly: with an exit code and a line or two, never a traceback."""

import enum


class Exit(enum.IntEnum):
    """The exit codes of every verb."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class FailureError(Exception):
    """The verb cannot do what it was asked. The message is for the person who typed it."""

    def __init__(self, message: str, code: Exit = Exit.FAILURE) -> None:
        super().__init__(message)
        self.code = code

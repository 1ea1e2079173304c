"""Runs a command and ends it, with all that it has started, once its own standard input ends.

    python guardian.py COMMAND...

A server that is killed closes the pipe without a word, and no process of its engines outlives it. This file
is run by itself: it imports nothing of dragoman. It and the command are one process group, which is its own.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

GRACE_S = 5.0


def main() -> int:
    """Run the command; its exit status."""
    try:
        command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 (the server's own words)
    except OSError as error:
        print(f"{sys.argv[1]}: {error.strerror}", file=sys.stderr)
        return 127
    threading.Thread(target=end_with_input, args=(command,), daemon=True).start()
    code = command.wait()
    return code if code >= 0 else 128 - code


def end_with_input(command: "subprocess.Popen[bytes]") -> None:
    """Wait until nobody holds the other end of the input, then end the group."""
    while os.read(0, 1024):
        pass
    command.terminate()
    with suppress(subprocess.TimeoutExpired):
        command.wait(GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

"""The command `dragoman`: which verbs there are, and how a failure is told.

A verb's module is imported only when that verb is asked for, so that `dragoman --help` loads nothing else.
"""

import os
import sys
from importlib import import_module
from typing import Final

from cyclopts import App, CycloptsError, UnknownCommandError

from dragoman import __version__
from dragoman.cli.failure import Exit, FailureError

VERBS: Final = {
    "serve": "Serve a model file, a model's folder or a folder of models.",
    "demo": "Serve a classifier of handwritten digits and send it a real image.",
    "check": "Check settings, and that the models they name are there, without serving.",
    "config": "Show, describe and translate settings.",
    "models": "List the models of a running server with their states.",
    "show": "Show one model of a running server: its versions, labels and signatures.",
    "predict": "Call a model of a running server, with numbers, files or images.",
    "chat": "Talk to a model of a running server that writes text.",
    "load": "Load a model of a running server, or one version of it.",
    "unload": "Stop serving a model, or one version of it.",
    "reload": "Look at a model's folder again, or at all of them, and load what has changed.",
    "deployments": "Deploy models under names of their own, with passwords.",
    "convert": "Make ONNX of a model, if it answers alike.",
    "archive": "Make a model archive, as torch-model-archiver does, with its flags.",
    "protos": "Write the .proto files of the protocols into a folder.",
    "version": "Print the version of dragoman and of the Python it runs on.",
}
MODULES: Final = {"load": "control", "unload": "control", "reload": "control"}  # else named after the verb
DESCRIPTION: Final = (
    "A model server: one loaded model answers every inference protocol its clients already speak."
)


def build() -> App:
    """The command with its verbs, none of them imported yet."""
    app = App(
        name="dragoman",
        help=DESCRIPTION,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        print_error=False,
        exit_on_error=False,
    )
    for verb, text in VERBS.items():
        module = MODULES.get(verb, verb)
        app.command(f"dragoman.cli.{module}:{verb}", name=verb, help=text)
    return app


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code."""
    app = build()
    try:
        return app(with_foreign_words(app, arguments)) or Exit.OK
    except UnknownCommandError as error:  # not its own text: making that imports every verb
        return fail(f"{(error.unused_tokens or arguments)[0]!r} is not one of {', '.join(VERBS)}", Exit.USAGE)
    except CycloptsError as error:
        return fail(f"{error}\nTry 'dragoman --help'.", Exit.USAGE)
    except FailureError as error:
        return fail(str(error), error.code)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILURE


def with_foreign_words(app: App, arguments: list[str]) -> list[str]:
    """The arguments, those that another server's command line has set apart."""
    if not any(word == "--as" or word.startswith("--as=") for word in arguments):
        return arguments
    foreign = import_module("dragoman.cli.foreign")  # it knows every dialect, which other verbs need not load
    words: list[str] = foreign.rearranged(app, arguments)
    return words


def fail(message: str, code: Exit) -> Exit:
    """Tell it on standard error; the exit code."""
    print(f"dragoman: {message}", file=sys.stderr)
    return code


def main() -> None:
    """The entry point of the package's script."""
    sys.exit(run(sys.argv[1:]))

"""What the workers of all handlers of a server share: the GPUs, and the process that they are forked from.

That process is there from the first handler that is loaded to the last that is closed. Once a worker has
imported torch, those that come after it are forked from a process that has it, too. Where it cannot be
forked, workers are started with an interpreter of their own, as they are for a model with Python packages
of its own.
"""

from threading import Lock
from typing import Final

import structlog

from dragoman.execution.workers.children import Child, Given, StartedChild
from dragoman.execution.workers.frames import Load, Ready
from dragoman.execution.workers.handlers.devices import Devices
from dragoman.execution.workers.handlers.template import Template, TemplateError
from dragoman.execution.workers.process import WorkerProcess

MOST_FAILURES: Final = 3
TORCH: Final = "torch"


class Workplace:
    """For any thread."""

    def __init__(self) -> None:
        self.devices = Devices()
        self._changing = Lock()
        self._handlers = 0
        self._template: Template | None = None
        self._failures = 0
        self._wants_torch = False
        self._has_torch = False
        self._torch_fits = True  # whether a process that has imported it can be forked
        self._log = structlog.get_logger("dragoman.worker")

    def enter(self) -> None:
        """One more handler is there."""
        with self._changing:
            self._handlers += 1

    def leave(self) -> None:
        """One less is; with the last one the process that workers were forked from ends."""
        with self._changing:
            self._handlers -= 1
            if not self._handlers:
                self._end_template()

    def launch(self, load: Load, number: int) -> WorkerProcess:
        """A process for a worker. It blocks.

        Errors: UNAVAILABLE.
        """
        return WorkerProcess(load, number, self._start)

    def note(self, load: Load, ready: Ready) -> None:
        """Look at what a worker has imported."""
        if TORCH in ready.imported and is_forked(load):
            self._wants_torch = self._torch_fits

    def _start(self, load: Load, given: Given) -> Child:
        template = self._forkable() if is_forked(load) else None
        if template is not None:
            try:
                return template.fork(load, given)
            except TemplateError as error:
                with self._changing:
                    self._fail(template, error)
        return StartedChild(load, given)

    def _forkable(self) -> Template | None:
        """The process to fork; None = there is none that could be."""
        with self._changing:
            if self._failures >= MOST_FAILURES:
                return None
            try:
                if self._template is None:
                    self._template = Template()
                    self._has_torch = False
            except TemplateError as error:
                self._fail(None, error)
                return None
            template = self._template
            if self._wants_torch and not self._has_torch:
                try:
                    template.import_modules([TORCH])
                except TemplateError as error:
                    self._wants_torch = self._torch_fits = False
                    self._fail(template, error)
                    return None
                self._has_torch = True
            return template

    def _fail(self, template: Template | None, error: TemplateError) -> None:
        """It is not forked any more, and after some failures no other is."""
        self._failures += 1
        last = self._failures == MOST_FAILURES
        self._log.warning("workers are not forked", reason=str(error), for_good=last)
        if template is self._template:
            self._end_template()

    def _end_template(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None


def is_forked(load: Load) -> bool:
    """Whether a worker may begin with what others have imported, and with the server's whole environment."""
    python, settings = load.artifact.python, load.artifact.settings
    own = python.interpreter or python.packages or settings.worker.hidden_environment
    return settings.handler.forked and not own

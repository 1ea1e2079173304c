"""Which answer each failure of a handler gets."""

import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from ts.serving.requests import BatchFailureError, LoadFailureError
from ts.serving.results import status_code
from ts.utils.util import PredictionException

T = TypeVar("T")

logger = logging.getLogger(__name__)


def run(step: Callable[[], T]) -> T:
    """What the step, a call of a handler, gives.

    Errors: BatchFailureError. SystemExit passes: it ends the worker, as it ends TorchServe's.
    """
    try:
        return step()
    except MemoryError:
        logger.exception("out of memory")
        raise BatchFailureError(507, "Out of resources") from None
    except BatchFailureError:
        raise
    except PredictionException as error:
        logger.exception("the handler refused the batch")
        raise BatchFailureError(status_code(error.error_code), str(error.message)) from error
    except Exception as error:
        logger.exception("the handler failed")
        if "CUDA" in str(error):
            raise BatchFailureError(507, "Out of resources") from error
        raise BatchFailureError(503, "Prediction failed") from error


def load(step: Callable[[], T], handler: str) -> T:
    """What the step, a part of the loading of a handler, gives.

    Errors: LoadFailureError, with no more of the cause than a stranger may know; the log has the whole.
    """
    try:
        return step()
    except (Exception, SystemExit) as error:
        logger.exception("handler %s does not load", handler)
        resources = isinstance(error, MemoryError) or (
            isinstance(error, RuntimeError) and "CUDA" in str(error)
        )
        raise LoadFailureError(507 if resources else 500, reason(error, handler)) from error


def reason(error: BaseException, handler: str) -> str:
    """The kind of error and where in the handler it arose."""
    if isinstance(error, ModuleNotFoundError):
        return f"handler {handler} needs the module {error.name}, which is not there"
    file = handler.partition(":")[0].rpartition("/")[2].removesuffix(".py") + ".py"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.rpartition("/")[2] == file
    ]
    where = f" in line {frames[-1].lineno} of {file}" if frames else ""
    return f"handler {handler} raised {type(error).__name__}{where} while it loaded; the log tells more"

"""How long the steps of a handler take."""

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any


def timed(func: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of methods: where model-config.yaml has `handler: {profile: true}`, a call is a metric.

    Its name is `ts_handler_` and the method's, its unit milliseconds.
    """

    @wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        context: Any = getattr(self, "context", None)
        if not profiled(context):
            return func(self, *args, **kwargs)
        finish_device_work()
        started_s = time.perf_counter()
        result = func(self, *args, **kwargs)
        finish_device_work()
        context.metrics.add_time(f"ts_handler_{func.__name__}", (time.perf_counter() - started_s) * 1000)
        return result

    return wrapper


def profiled(context: Any) -> bool:
    """Whether the model's own config asks for it."""
    config = getattr(context, "model_yaml_config", None) or {}
    return bool((config.get("handler") or {}).get("profile"))


def finish_device_work() -> None:
    """Wait for what was queued on the GPU, which a clock on this side does not see."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()

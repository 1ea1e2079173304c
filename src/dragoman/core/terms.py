"""On what terms a version's workers take requests: what an operator is told who asks for it."""

from typing import Final

from msgspec import Struct


class WorkTerms(Struct, frozen=True):
    """Batches, times and the queue; a time of 0 = no limit. `gpus` empty = the CPU."""

    batch_size: int = 1
    batch_delay_ms: int = 100
    response_timeout_s: int = 120
    startup_timeout_s: int = 120
    retry_s: int = 300  # for how long a worker that does not start is started again
    client_timeout_ms: int = 0
    queue: int = 100  # requests that may wait
    runtime: str = "python"
    gpus: tuple[int, ...] = ()


USUAL_TERMS: Final = WorkTerms()

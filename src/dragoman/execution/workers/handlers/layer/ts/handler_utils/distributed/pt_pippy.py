"""PiPPy, which is not supported."""

from typing import Any, NoReturn

from ts.torch_handler.unsupported import refuse

INSTEAD = "a worker here runs a model in one process"


def initialize_rpc_workers(local_rank: int, world_size: int, ctx: Any) -> NoReturn:
    """Refuse.

    Errors: NotImplementedError.
    """
    refuse("initialize_rpc_workers", INSTEAD)


def get_pipeline_driver(model: Any, world_size: int, ctx: Any) -> NoReturn:
    """Refuse.

    Errors: NotImplementedError.
    """
    refuse("get_pipeline_driver", INSTEAD)

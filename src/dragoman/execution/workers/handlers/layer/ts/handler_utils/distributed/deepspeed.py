"""DeepSpeed, which is not supported."""

from typing import Any, NoReturn

from ts.torch_handler.unsupported import refuse

INSTEAD = "a worker here runs a model in one process"


def get_ds_engine(model: Any, ctx: Any) -> NoReturn:
    """Refuse.

    Errors: NotImplementedError.
    """
    refuse("get_ds_engine", INSTEAD)


def create_checkpoints_json(model_path: str, checkpoints_json: str) -> NoReturn:
    """Refuse.

    Errors: NotImplementedError.
    """
    refuse("create_checkpoints_json", INSTEAD)

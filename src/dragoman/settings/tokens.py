"""Settings of the keys that callers of TorchServe's listeners need."""

from typing import Annotated

from msgspec import Meta, Struct


class TokenSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys for inference and management, made at the start, on listeners with `dialect: torchserve`."""

    file: str = ""  # where they are written for their users, readable by this user alone; empty = no keys
    expiration_min: Annotated[int, Meta(ge=1)] = 60  # after which a key is good no more, until it is renewed

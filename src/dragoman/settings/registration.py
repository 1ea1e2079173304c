"""Settings of models that requests register: whether they may, and from where."""

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
PositiveSeconds = Annotated[float, Meta(gt=0)]
GIB = 1024 * 1024 * 1024


class RegistrationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Model archives that are registered, and taken away, by requests for control while the server runs."""

    enabled: bool = False  # whether versions may be registered and taken away
    store: str = ""  # the folder that archives are named in; empty = there is none
    allowed_urls: tuple[str, ...] = ()  # regular expressions of whole URLs: file, http, https; empty = none
    networks: tuple[str, ...] = ()  # not public ones that may be downloaded from, such as 10.1.0.0/16
    download_bytes: Positive = 20 * GIB  # of one archive
    download_s: PositiveSeconds = 600.0  # for one archive
    workers: NotNegative = 0  # that a version begins with, where neither the request nor its files say

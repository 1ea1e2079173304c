"""Settings of model archives: how they are unpacked, and what may be installed for them."""

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(ge=1)]
GIB = 1024 * 1024 * 1024


class ArchiveSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Model archives (`.mar`, `.tar.gz`), which are unpacked into private folders when versions load."""

    folder: str = ""  # where these folders are made; empty = the system's place for temporary files
    total_bytes: Positive = 20 * GIB  # of all that one archive holds
    member_bytes: Positive = 20 * GIB  # of the largest file in it
    members: Positive = 100_000  # files and folders in it
    ratio: Positive = 200  # unpacked bytes for each one that is read, from 256 MiB on; more is a bomb
    install_requirements: bool = False  # whether Python packages that an archive lists are installed for it
    install_timeout_s: Annotated[float, Meta(gt=0)] = 900.0  # for installing them

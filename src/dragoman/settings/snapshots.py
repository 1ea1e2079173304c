"""Settings of the files that tell which models serve."""

from msgspec import Struct, field


class SnapshotSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Snapshots in the form of TorchServe's `config.properties`, with the models in `model_snapshot`."""

    folder: str = ""  # where they are written: at the start, after changes and at the end; empty = nowhere
    store: str = ""  # the folder that archives are named in there
    properties: dict[str, str] = field(default_factory=dict)  # the other keys of such a file

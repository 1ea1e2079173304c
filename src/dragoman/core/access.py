"""What a caller may be allowed to do."""

import enum


class Permission(enum.Enum):
    """Groups of operations that are allowed or refused together."""

    INFER = "infer"  # call models
    STATUS = "status"  # see models: listings, states, metadata
    CONTROL = "control"  # load, unload, reload, label
    METRICS = "metrics"  # read counters

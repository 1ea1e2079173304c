"""What an answer may hold that neither the request nor the model says.

Codecs are pure: they read no clock and draw no random number. A protocol that needs either is a function of
these, and the assembly gives it the real ones.
"""

from collections.abc import Callable

from msgspec import Struct


class EventAttributes(Struct, frozen=True):
    """What the events say of themselves that answer events. `source` empty = one made from the model's name.

    `merge` = the other attributes of the request's event are repeated.
    """

    type: str = "io.kserve.inference.response"
    source: str = ""
    merge: bool = False


class Surroundings(Struct, frozen=True):
    """The time, new ids, and what the settings say about requests and answers."""

    wall_s: Callable[[], float]  # Unix time
    new_id: Callable[[], str]  # another one at every call, anywhere
    events: EventAttributes = EventAttributes()
    server_name: str = "dragoman"  # what clients are told that the server is
    keeps_repeated_parts: bool = False  # of forms, for models that read bodies; else the last of each name

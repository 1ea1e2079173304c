"""Inference over REST: the model is the one in the path."""

from dragoman.protocols.kserve_v2.target import read_target
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.v2.infer import read_infer
from dragoman.wire.v2.request import InferDraft


def parse_infer(wire: WireRequest, limits: Limits) -> InferDraft:
    """The request with its tensors, which say their types and shapes themselves.

    Errors: those of `read_infer`; NOT_FOUND for a version that no model can have.
    """
    return read_infer(read_target(wire), wire, limits)

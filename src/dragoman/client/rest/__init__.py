"""V2 over REST: requests built, answers read."""

from dragoman.client.rest.codec import RestCodec

__all__ = ["RestCodec"]

"""OpenAI's API: chats, completions, embeddings and the list of models."""

from dragoman.protocols.openai.routes import make_protocol

__all__ = ["make_protocol"]

"""OpenAI's API: chats, completions, embeddings, what goes with them, and the list of models."""

from dragoman.protocols.openai.routes import make_protocol

__all__ = ["make_protocol"]

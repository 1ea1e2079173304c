"""What models that make vectors of texts have in common: their files, their tokens, pooling, batches."""

from dragoman.engines.embedding.batches import batched
from dragoman.engines.embedding.model import EmbeddingTexts, texts_of
from dragoman.engines.embedding.pooling import pooled, unit
from dragoman.engines.embedding.recipe import (
    MODELS,
    MODULES,
    TOKENIZER,
    Pooling,
    Recipe,
    context_of,
    folder_of,
    read_recipe,
)

__all__ = [
    "MODELS",
    "MODULES",
    "TOKENIZER",
    "EmbeddingTexts",
    "Pooling",
    "Recipe",
    "batched",
    "context_of",
    "folder_of",
    "pooled",
    "read_recipe",
    "texts_of",
    "unit",
]

"""The handler that handlers of text derive from."""

import os
import re
import string
import unicodedata
from abc import ABC
from functools import cached_property
from typing import Any

from ts.handler_utils.text_utils import get_tokenizer
from ts.torch_handler.attributions import captum
from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.contractions import CONTRACTION_MAP
from ts.utils.util import CLEANUP_REGEX

CONTRACTIONS_PATTERN = re.compile(f"({'|'.join(sorted(CONTRACTION_MAP))})", re.IGNORECASE)


class TextHandler(BaseHandler, ABC):
    """Has the steps that make text plain, and the model's vocabulary."""

    def __init__(self) -> None:
        super().__init__()
        self.source_vocab: Any = None
        self.tokenizer = get_tokenizer("basic_english")
        self.input_text: Any = None

    def initialize(self, context: Any) -> None:
        """Load the model and the vocabulary, which the manifest names or is in source_vocab.pt."""
        import torch

        super().initialize(context)
        path = self.manifest["model"].get("sourceVocab") or self.get_source_vocab_path(context)
        # It may be an object of any class: it comes with code of the same origin, which runs here already.
        self.source_vocab = torch.load(path, weights_only=False)

    @cached_property
    def lig(self) -> Any:
        """Captum's integrated gradients at the model's embedding."""
        return captum().LayerIntegratedGradients(self.model, self.model.embedding)

    def get_source_vocab_path(self, ctx: Any) -> str:
        """The file of the vocabulary.

        Errors: RuntimeError where it is missing.
        """
        path = os.path.join(ctx.system_properties.get("model_dir"), "source_vocab.pt")
        if not os.path.isfile(path):
            raise RuntimeError("the vocabulary source_vocab.pt is missing among the model's files")
        return path

    def _expand_contractions(self, text: str) -> str:
        """Put "do not" for "don't"; other apostrophes go."""

        def expanded(match: "re.Match[str]") -> str:
            word = match.group(0)
            meaning = CONTRACTION_MAP.get(word) or CONTRACTION_MAP[word.lower()]
            return word[0] + meaning[1:]

        return CONTRACTIONS_PATTERN.sub(expanded, text).replace("'", "")

    def _remove_accented_characters(self, text: str) -> str:
        """Letters without their accents; what is not ASCII then goes."""
        return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()

    def _remove_html_tags(self, text: str) -> str:
        return CLEANUP_REGEX.sub("", text)

    def _remove_punctuation(self, text: str) -> str:
        return text.translate(str.maketrans("", "", string.punctuation))

    _remove_puncutation = _remove_punctuation  # an old misspelling that handlers may use

    def _tokenize(self, text: str) -> list[str]:
        return self.tokenizer(text)

    def get_word_token(self, input_tokens: list[str]) -> list[str]:
        """Tokens without the sign that byte-pair encoders put for a blank."""
        return [token.replace("\u0120", "") for token in input_tokens]

    def summarize_attributions(self, attributions: Any) -> Any:
        """Attributions as shares, through the norm of their sums."""
        import torch

        shares = torch.nn.functional.softmax(attributions, dim=0 if attributions.dim() in (0, 1, 3) else 1)
        return shares / torch.norm(shares.sum(dim=-1))

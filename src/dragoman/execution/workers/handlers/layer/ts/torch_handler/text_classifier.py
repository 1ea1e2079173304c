"""The handler `text_classifier`, for batches of one."""

from typing import Any

from ts.handler_utils.text_utils import ngrams_iterator
from ts.torch_handler.attributions import captum, target_class
from ts.torch_handler.text_handler import TextHandler
from ts.utils.util import PredictionException, map_class_to_label


class TextClassifier(TextHandler):
    """Answers with the probability of each label."""

    ngrams = 2

    def preprocess(self, data: Any) -> tuple[Any, list[str]]:
        """The numbers in the vocabulary of the first request's words and pairs of words, and its words.

        Errors: PredictionException 400 for a request without text.
        """
        import torch

        text = data[0].get("data") or data[0].get("body")
        if isinstance(text, bytes | bytearray):
            text = decoded(text)
        if not isinstance(text, str):
            raise PredictionException("the request has no text: neither a part data nor a body", 400)
        text = self._expand_contractions(self._remove_html_tags(text).lower())
        tokens = self._tokenize(self._remove_punctuation(self._remove_accented_characters(text)))
        numbers = [self.source_vocab[token] for token in ngrams_iterator(tokens, self.ngrams)]
        return torch.as_tensor(numbers, device=self.device), tokens

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """The model's output for the numbers, which are one bag."""
        import torch

        return super().inference(data[0], torch.as_tensor([0], device=self.device))

    def postprocess(self, data: Any) -> list[dict[str, Any]]:
        """The probability of every class."""
        import torch

        return map_class_to_label(torch.nn.functional.softmax(data, dim=1).tolist(), self.mapping)

    def get_insights(self, text_preprocess: Any, _: Any, target: Any = 0) -> list[dict[str, Any]]:
        """How much each word adds to the score of the target."""
        import torch

        numbers, tokens = text_preprocess
        reference = captum().TokenReferenceBase().generate_reference(numbers.shape[0], device=self.device)
        attributions = self.lig.attribute(
            numbers,
            reference.squeeze(0),
            additional_forward_args=(torch.tensor([0]).to(self.device)),
            return_convergence_delta=False,
            target=target_class(target),
        )
        shares = self.summarize_attributions(attributions)
        return [{"importances": shares.tolist(), "words": self.get_word_token(tokens)}]


def decoded(data: bytes | bytearray) -> str:
    """The text.

    Errors: PredictionException 400.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise PredictionException("the text is no UTF-8", 400) from error

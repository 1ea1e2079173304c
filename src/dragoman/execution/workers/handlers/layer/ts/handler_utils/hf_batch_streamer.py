"""Generated text of several prompts at once, as it comes."""

from typing import Any


class TextIteratorStreamerBatch:
    """A streamer for `generate` of transformers; iterating gives the next text of every prompt.

    It ends with the first prompt that ends.
    """

    def __init__(
        self,
        tokenizer: Any,
        batch_size: int,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        from transformers.generation.streamers import TextIteratorStreamer

        self.batch_size = batch_size
        self.streamers = [
            TextIteratorStreamer(tokenizer, skip_prompt, timeout, **decode_kwargs) for _ in range(batch_size)
        ]
        self.streamer_iterators = [iter(streamer) for streamer in self.streamers]

    def put(self, value: Any) -> None:
        """Take the next tokens, a row per prompt.

        Errors: ValueError for another number of rows.
        """
        if value.shape[0] != self.batch_size:
            raise ValueError(f"tokens for {value.shape[0]} prompts; this streamer has {self.batch_size}")
        for index, streamer in enumerate(self.streamers):
            streamer.put(value[index : index + 1])

    def end(self) -> None:
        """Let every prompt end."""
        for streamer in self.streamers:
            streamer.end()

    def __iter__(self) -> "TextIteratorStreamerBatch":
        return self

    def __next__(self) -> list[dict[str, str]]:
        texts = [next(iterator, None) for iterator in self.streamer_iterators]
        if None in texts:
            raise StopIteration
        return [{"text": text} for text in texts if text is not None]

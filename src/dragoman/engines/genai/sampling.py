"""How tokens are chosen, in OpenVINO GenAI's words."""

import secrets
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from dragoman.core.generation import Sampling

SEEDS: Final = 2**64
NUMBERS: Final = ("top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty")

Draw = Callable[[int], int]


def make_config(
    genai: ModuleType,
    sampling: Sampling,
    defaults: Sampling,
    ends: frozenset[int],
    draw: Draw = secrets.randbits,
) -> Any:
    """The engine's own structure for one text, whose prompt comes as tokens: nothing is templated again."""
    config = genai.GenerationConfig()
    config.apply_chat_template = False
    config.max_new_tokens = sampling.max_tokens
    config.min_new_tokens = min(sampling.min_tokens, sampling.max_tokens or 0)
    config.ignore_eos = sampling.ignore_end
    config.logprobs = int(sampling.scored)
    if ends:
        config.eos_token_id = min(ends)
    config.stop_token_ids = {*(() if sampling.ignore_end else ends), *sampling.stop_ids}
    temperature = defaults.temperature if sampling.temperature is None else sampling.temperature
    config.do_sample = bool(temperature)
    if temperature:
        config.temperature = temperature
        config.rng_seed = draw(64) if sampling.seed is None else sampling.seed % SEEDS
    for name in NUMBERS if temperature else NUMBERS[2:]:
        value = getattr(sampling, name)
        value = getattr(defaults, name) if value is None else value
        if value is not None:
            setattr(config, name, float(value))
    top_k = defaults.top_k if sampling.top_k is None else sampling.top_k
    if temperature and top_k is not None and top_k > 0:
        config.top_k = top_k
    if sampling.json_schema is not None:
        config.structured_output_config = genai.StructuredOutputConfig(json_schema=sampling.json_schema)
    return config

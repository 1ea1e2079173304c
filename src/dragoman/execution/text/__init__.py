"""Models that write text: prompts, their place in line, the engine's tokens, the texts they become."""

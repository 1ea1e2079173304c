"""Contracted words of English, and what they stand for."""

# By the ending: what it stands for, and the words that have it.
ENDINGS = {
    "n't": (
        " not",
        "are could did does do had has have is may might must need ought should was were would",
    ),
    "'ve": (" have", "could I might must should so they to we what when where who why will would you"),
    "'re": (" are", "they we what you"),
    "'ll": (" will", "he how I it she that there they we what who you"),
    "'d": (" would", "he I it she that there they we you y'all"),
    "'m": (" am", "I"),
    "'s": (" is", "he how it she so that there what when where who why"),
}
SINGLE = {
    "ain't": "is not",
    "can't": "cannot",
    "'cause": "because",
    "how'd": "how did",
    "let's": "let us",
    "ma'am": "madam",
    "o'clock": "of the clock",
    "shan't": "shall not",
    "sha'n't": "shall not",
    "so's": "so as",
    "where'd": "where did",
    "won't": "will not",
    "y'all": "you all",
}


def contraction_map() -> dict[str, str]:
    """Every contraction; those that begin with I also in lower case."""
    found = {
        word + ending: word + meaning
        for ending, (meaning, words) in ENDINGS.items()
        for word in words.split()
    }
    found.update(SINGLE)
    small = {word.replace("I'", "i'"): meaning for word, meaning in found.items() if word.startswith("I'")}
    return found | {word: meaning.replace("I ", "i ") for word, meaning in small.items()}


CONTRACTION_MAP = contraction_map()

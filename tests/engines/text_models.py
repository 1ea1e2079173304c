"""The two small models of texts, as a server's models."""

import shutil
from pathlib import Path

MODELS = Path(__file__).parents[1] / "text_models"


def write_models(folder: Path) -> Path:
    """Copy them there; the folder."""
    for name in ("tinychat", "tinyembed"):
        shutil.copytree(MODELS / name, folder / name / "1")
    return folder

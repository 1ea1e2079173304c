"""Files for tests of handlers."""

import shutil
from collections.abc import Mapping
from pathlib import Path


def copy_files(src_dir: Path, dst_dir: Path, files: Mapping[str, str]) -> None:
    """Copy files, each under the name that it shall have."""
    for source, target in files.items():
        shutil.copyfile(src_dir / source, dst_dir / target)

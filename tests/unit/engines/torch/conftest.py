"""Most of these tests need torch and safetensors; scripts/engines runs them where both are."""

from importlib.util import find_spec
from pathlib import Path

WITHOUT = ("test_answers.py", "test_claims.py", "test_files.py", "test_options.py")
FOUND = {file.name for file in Path(__file__).parent.glob("test_*.py")}
IS_THERE = find_spec("torch") and find_spec("safetensors")
collect_ignore = [] if IS_THERE else sorted(FOUND - set(WITHOUT))

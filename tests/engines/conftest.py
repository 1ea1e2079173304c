"""These tests need TensorFlow; scripts/engines runs them in an environment that has it."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("tensorflow") else ["test_*.py"]

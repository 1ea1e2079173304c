"""These tests need LiteRT, and TensorFlow to make models; scripts/engines runs them where both are."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("ai_edge_litert") and find_spec("tensorflow") else ["test_*.py"]

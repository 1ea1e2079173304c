"""These tests need scikit-learn, pandas and skops; scripts/engines runs them in an environment with all."""

from importlib.util import find_spec

HERE = all(find_spec(package) for package in ("sklearn", "pandas", "skops"))
collect_ignore = (
    []
    if HERE
    else [
        "test_contract.py",
        "test_sklearn.py",
        "test_texts.py",
        "test_transforming.py",
        "test_trust.py",
    ]
)

"""One live server per listener, for every test here."""

from collections.abc import Iterator

import pytest

from tests.conformance.runner import Servers
from tests.conformance.suites import SUITES


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("conformance")) as running:
        for listener in {run.listener for suite in SUITES.values() for run in suite.runs}:
            running.addresses(listener)  # one that does not start fails here, once, and not once per case
        yield running

"""One live server per listener, for every test here."""

from collections.abc import Iterator

import pytest

from tests.conformance.runner import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("conformance")) as running:
        yield running

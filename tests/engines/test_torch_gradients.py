"""Torch's own models explained by their gradients on a live server, beside Captum in this process."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from tests.e2e.process import fetch
from tests.engines.torch_programs import write_perceptrons
from tests.server_process import serving

ROWS: Final = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
FORMS: Final = ("exported", "scripted", "classed")


class Live(NamedTuple):
    url: str
    model: Any


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("gradients")
    model = write_perceptrons(folder / "models")
    with serving([str(folder / "models"), "--trust-code"], folder / "log") as found:
        yield Live(f"http://{found.http.host}:{found.http.port}", model)


def explained(live: Live, form: str, **parameters: Any) -> Any:
    body = json.dumps({"instances": ROWS.tolist(), "parameters": parameters})
    status, answer = fetch(f"{live.url}/v1/models/{form}:explain", body)
    assert status == 200, answer
    return np.array(answer["explanations"])


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_integrated_as_captum_does(live: Live, form: str) -> None:
    rows, way = torch.from_numpy(ROWS), IntegratedGradients(live.model)
    with torch.no_grad():
        greatest = live.model(rows).argmax(dim=1)
    wanted = way.attribute(rows, target=greatest, n_steps=32).numpy()
    assert explained(live, form) == pytest.approx(wanted, abs=1e-5)
    wanted = way.attribute(rows, torch.full((1, 3), 0.5), target=1, n_steps=32).numpy()
    assert explained(live, form, target=1, baseline=0.5) == pytest.approx(wanted, abs=1e-5)


def test_other_methods_can_be_asked_for(live: Live) -> None:
    with torch.no_grad():
        rows = torch.from_numpy(ROWS)
        wanted = (live.model(rows) - live.model(rows * 0)).numpy()[:, 0]
    found = explained(live, "exported", method="shapley", target=0)
    assert found.sum(axis=1) == pytest.approx(wanted, abs=1e-4)

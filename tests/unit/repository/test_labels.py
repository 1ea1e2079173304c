"""Which labels may be given while models serve."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.repository.labels import check_labels

VERSIONS = (VersionStatus(1, State.READY), VersionStatus(2, State.LOADING), VersionStatus(3, State.READY))
REPORT = StatusReport({"m": ModelStatus("m", VERSIONS, labels={"stable": 1})})


@pytest.mark.parametrize(
    ("model", "labels", "before_load"),
    [
        ("m", {"stable": 1}, False),
        ("m", {"stable": 3, "canary": 1}, False),
        ("m", {}, False),
        ("m", {"canary": 2}, True),
        ("m", {"canary": 9}, True),
        ("new", {"stable": 1}, True),
    ],
)
def test_a_label_may_lead_to_a_version_that_serves_or_to_a_later_one_if_it_is_new(model, labels, before_load):
    check_labels({model: labels}, REPORT, before_load=before_load)


@pytest.mark.parametrize(
    ("model", "labels", "before_load"),
    [
        ("m", {"canary": 2}, False),
        ("m", {"stable": 2}, True),
        ("m", {"stable": 9}, True),
        ("new", {"stable": 1}, False),
    ],
)
def test_no_label_is_taken_from_a_version_that_serves_for_one_that_does_not(model, labels, before_load):
    version = next(iter(labels.values()))
    with pytest.raises(DragomanError) as raised:
        check_labels({model: labels}, REPORT, before_load=before_load)
    assert raised.value.code is Code.FAILED_PRECONDITION
    assert raised.value.message == (
        f"Request to assign label to version {version} of model {model}, "
        "which is not currently available for inference"
    )

"""Planted defects are laid at the door of what the documents say, in a mock and on a tenant alike."""

import pytest

from mockserver.vendor import load
from tests.bends import straight
from tests.tools.judging import found, judge

# The defect, and a documented or published rule that it breaks.
BROKEN = {
    "geotareas": {
        "list-board-cards-filters-the-first-page": "GT-206",
        "list-workspaces-has-24-by-default": "GT-201",
    },
    "kanbert": {
        "create-task-has-another-assignee-id-by-default": "KB-315",
        "cursor-loses-the-rest-of-the-query": "KB-165",
        "find-by-uri-takes-a-beginning": "KB-342",
        "list-tasks-takes-endswith-for-contains": "KB-168",
        "list-tasks-takes-gte-for-gt": "KB-178",
        "list-tasks-takes-lt-for-lte": "KB-175",
        "list-webhooks-sorts-rising-only": "KB-467",
        "update-task-keeps-one-field": "KB-391",
        "update-task-leaves-updated-at": "KB-044",
        "update-task-undoes-the-one-before": "KB-365",
        "upload-attachment-replaces-earlier-files": "KB-427",
    },
    "kanman": {
        "deleted-tasks-come-back": "KM-167",
        "update-task-keeps-one-field": "KM-145",
        "update-task-undoes-the-one-before": "KM-144",
    },
    "kantata": {
        "create-custom-task-status-takes-status-set-id-of-others": "KX-011",
        "deleted-task-status-sets-come-back": "KX-205",
        "list-task-status-sets-drops-the-last-id-of-only": "KX-200",
        "list-task-status-sets-ignores-only": "KX-200",
        "update-custom-task-status-keeps-one-field": "KX-164",
        "update-custom-task-status-sets-position-to-1": "KX-164",
        "update-custom-task-status-undoes-the-one-before": "KX-164",
    },
}
CASES = [(vendor, defect, rule) for vendor, defects in BROKEN.items() for defect, rule in defects.items()]


@pytest.mark.parametrize("tenant", [False, True], ids=["mock", "tenant"])
@pytest.mark.parametrize(("vendor", "defect", "rule"), CASES, ids=[f"{vendor}-{defect}" for vendor, defect, _ in CASES])
def test_defect__breaks_what_the_documents_say(vendor: str, defect: str, rule: str, tenant: bool) -> None:
    loaded = load(vendor)
    assert loaded.rules[rule].binding

    result = judge(loaded, straight, [loaded.rules[rule]], tenant=tenant, defect=(defect,))

    assert found(result) == {rule}
    assert not found(judge(loaded, straight, [loaded.rules[rule]], tenant=tenant))


@pytest.mark.parametrize("rule", ["KX-165", "KX-169"])
@pytest.mark.parametrize("defect", ["keeps-one-field", "undoes-the-one-before", "sets-position-to-1"])
def test_partial_update__sees_each_field_of_an_update(rule: str, defect: str) -> None:
    kantata = load("kantata")
    planted = (f"update-custom-task-status-{defect}",)

    assert found(judge(kantata, straight, [kantata.rules[rule]], tenant=False, defect=planted)) == {rule}

"""What the harness reads from a vendor's model."""

import random

import pytest

from contracts.envelopes import unwrap
from contracts.findings import NotJudged
from contracts.model import Model, fill
from mockserver.vendor import Vendor


@pytest.fixture
def model(kanman: Vendor) -> Model:
    return Model(kanman)


@pytest.mark.parametrize(
    ("method", "target", "operation"),
    [
        ("GET", "/tasks/7?x=1", "getTask"),
        ("get", "/projects/7/tasks", "listProjectTasks"),
        ("GET", "/tasks", None),
        ("GET", "/tasks/7/8", None),
        ("PUT", "/tasks/7", None),
    ],
)
def test_route__the_operation_that_a_request_means(
    model: Model, method: str, target: str, operation: str | None
) -> None:
    route = model.route(method, target)
    assert (route.operation.id if route else None) == operation


def test_route__parameters_are_decoded(model: Model) -> None:
    route = model.route("DELETE", "/tasks/a%2Fb")
    assert route is not None and route.parameters == {"id": "a/b"}


@pytest.mark.parametrize(
    ("method", "target", "subject"),
    [
        ("PATCH", "/tasks/7", ("tasks", "7")),
        ("GET", "/projects/7/tasks", None),
        ("POST", "/tasks", None),
    ],
)
def test_subject__the_record_that_a_request_would_change(
    model: Model, method: str, target: str, subject: tuple[str, str] | None
) -> None:
    route = model.route(method, target)
    assert route is not None and model.subject(route) == subject


def test_owners__whose_id_stands_in_the_path(model: Model) -> None:
    operations = model.vendor.operations
    assert model.owners(operations["listProjectTasks"]) == {"id": "projects"}
    assert model.owners(operations["getTask"]) == {"id": "tasks"}


def test_error_place__where_a_word_of_the_envelope_stands(model: Model) -> None:
    assert model.error_place("code") == ("error", "code")
    assert model.error_place("nonsense") is None


def test_sample_body__names_the_known_id_that_is_missing(model: Model) -> None:
    assert model.sample_body("tasks", {"project_id": "7"})["projectId"] == "7"
    with pytest.raises(NotJudged, match="project_id"):
        model.sample_body("tasks", {})


def test_unknown_id__has_the_form_and_repeats_with_the_seed(model: Model) -> None:
    first, again = (model.unknown_id("tasks", random.Random(1), None) for _ in range(2))
    assert first == again and model.is_formed("tasks", first)
    assert not model.is_formed("tasks", "not-an-id")


def test_fill__encodes_what_a_path_cannot_hold() -> None:
    assert fill("/tasks/{id}", {"id": "a/b ?"}) == "/tasks/a%2Fb%20%3F"


def test_unwrap__looks_where_the_envelope_says() -> None:
    assert unwrap({"task": 1}, "task") == 1
    assert unwrap([1], None) == [1]
    assert unwrap({"data": {"task": 1}}, {"data": {"task": "$record"}}) == 1

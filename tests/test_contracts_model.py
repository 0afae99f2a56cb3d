"""What the harness reads from a vendor's model."""

import random
import re
from dataclasses import replace

import pytest

from contracts.envelopes import unwrap
from contracts.findings import NotJudged
from contracts.model import Model, fill
from mockserver.vendor import Vendor, load
from tests.tools.library import library


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


def test_wrapped__known_ids_are_numbers_where_the_document_has_numbers() -> None:
    model = Model(load("kantata"))
    sent = {"status": "7", "category": "started", "status_set_id": "7"}
    assert model.wrapped("createCustomTaskStatus", sent) == {"custom_task_status": {**sent, "status_set_id": 7}}
    listed = {"workspace_task_status_sets": [{"workspace_id": "101", "status_set_id": "x"}]}
    wrapped = model.wrapped("bulkUpdateWorkspaceTaskStatusSets", listed)
    assert wrapped == {"workspace_task_status_sets": [{"workspace_id": 101, "status_set_id": "x"}]}
    assert model.wrapped("createCustomTaskStatus", ["7"]) == ["7"]


def test_route__a_suffix_of_the_vendors_paths_is_left_out() -> None:
    route = Model(load("kantata")).route("PUT", "/custom_task_statuses/5.json?x=.json")
    assert route is not None and route.parameters == {"id": "5"}


def test_route__a_path_without_parameters_goes_before_one_that_fits_too() -> None:
    model = Model(library())
    assert model.route("POST", "/books/31/cover") is not None
    literal = replace(model.vendor.operations["createBook"], path="/books/new")
    vendor = replace(model.vendor, operations={**model.vendor.operations, "createBook": literal})
    routed = Model(vendor)
    assert routed.route("GET", "/books/new") is None  # that path offers POST alone
    route = routed.route("GET", "/books/31")
    assert route is not None and route.operation.id == "getBook"


@pytest.mark.parametrize(
    ("form", "like", "expected"),
    [("digits", "5001847291847291", r"[0-9]{16}"), ("digits", "31", r"[0-9]{8}"), ("ulid", None, r"7[0-9a-z]{25}")],
)
def test_unknown_id__of_other_forms(form: str, like: str | None, expected: str) -> None:
    model = Model(library(resources={"books": {"key": "id", "id_form": form}}))
    found = model.unknown_id("books", random.Random(1), like)
    assert re.fullmatch(expected, found) and model.is_formed("books", found)


def test_wrapped__an_object_stands_under_the_key_of_its_operation() -> None:
    model = Model(library())
    assert model.wrapped("createBook", {"title": "Emma"}) == {"book": {"title": "Emma"}}
    assert model.wrapped("createBook", []) == [] and model.wrapped("getBook", {}) == {}


def test_request__has_the_known_ids_in_it() -> None:
    model = Model(library())
    request = model.request("uploadCover", {"book_id": "31"})
    assert request is not None and request["path"] == {"id": "31"} and model.request("getBook", {}) is None
    with pytest.raises(NotJudged, match="book_id"):
        model.request("uploadCover", {})

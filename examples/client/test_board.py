import httpx
import pytest
from board import Board

pytestmark = pytest.mark.proofboard("kanman", clock="2024-01-21T10:00:00Z")


@pytest.fixture
def board(proofboard_tenant):
    owner = proofboard_tenant.callers["owner"].headers["Authorization"]
    board = Board(proofboard_tenant.base_url, owner.removeprefix("Bearer "))
    yield board
    board.close()


def test_finish__marks_the_task(proofboard_tenant, board):
    task = proofboard_tenant.create("task", label="Buy balloons")
    proofboard_tenant.clock.advance(60)
    assert board.finish(task["id"]) == "2024-01-21T10:01:00Z"
    assert proofboard_tenant.record("task", task["id"])["status"] == 2
    assert proofboard_tenant.journal.only("PATCH", "/tasks/{id}").json() == {"status": 2}


def test_finish__outlasts_an_outage(proofboard_tenant, board):
    proofboard_tenant.fail("updateTask", status=503, times=2)
    board.finish(proofboard_tenant.known["task_id"])
    assert [call.status for call in proofboard_tenant.journal] == [503, 503, 200]


def test_finish__tells_that_there_is_no_such_task(proofboard_tenant, board):
    proofboard_tenant.remove("task", proofboard_tenant.known["task_id"])
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        board.finish(proofboard_tenant.known["task_id"])

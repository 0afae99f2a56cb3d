"""KanMan: counters of projects, and what a move does to a task."""

from typing import Any

from mockserver.engine.store import Record
from mockserver.engine.world import World

_COUNTED = ("num_tasks_open", "num_tasks_in_progress", "num_tasks_done")  # by status 0, 1, 2


def derive_projects(record: Record, world: World) -> dict[str, Any]:
    """The counters follow the tasks outside the trash at once (KM-189 to KM-192); an empty project's progress is 0."""
    counts = [world.tally("tasks", project_id=record["id"], status=status) for status in range(len(_COUNTED))]
    total = sum(counts)
    progress = counts[-1] / total if total else 0
    return {**dict(zip(_COUNTED, counts, strict=True)), "num_tasks_total": total, "progress": progress}


def change_tasks(before: Record, after: Record) -> Record:
    """A lane belongs to a board: a task that moves to another project stands in none (KM-150)."""
    return after if after["project_id"] == before["project_id"] else {**after, "workflow_lane_id": None}

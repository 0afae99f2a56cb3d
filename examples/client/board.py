"""A client of KanMan, as somebody may have written it: it knows nothing of Proofboard."""

import httpx


class Board:
    def __init__(self, base_url: str, token: str) -> None:
        self._http = httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"})

    def finish(self, task_id: str) -> str:
        """Mark a task as done, through two outages at the most; the time at which it was."""
        for _ in range(3):
            answer = self._http.patch(f"/tasks/{task_id}", json={"status": 2})
            if answer.status_code != 503:
                break
        return answer.raise_for_status().json()["task"]["updated_at"]

    def close(self) -> None:
        self._http.close()

"""What the rules of tasks do not allow, beside `errors.py`, whose tree these are in.

RestaurantError
├── NotFound
│   └── UnknownTask        the restaurant has no such task
└── Refused
    ├── TaskStatusRefused  a task cannot go there from where it is, or another has it in hand
    └── TooManyTasks       one call, or a restaurant's list, has no room for another
"""

from uuid import UUID

from controlplane.restaurants.errors import NotFound, Refused


class UnknownTask(NotFound):
    """No task of this restaurant has this id."""

    def __init__(self, task_id: UUID) -> None:
        super().__init__(f"no task {task_id}")


class TaskStatusRefused(Refused):
    """The task cannot go there from where it is: terminal statuses never reopen."""

    def __init__(self, current: str, to: str) -> None:
        super().__init__(f"a task can't go from {current} to {to}")
        self.current = current


class TooManyTasks(Refused):
    """So many are written down of one call, or wait at a restaurant: settle some."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} tasks are there already: settle some")
        self.most = most

"""What the rules of answers do not allow, beside `errors.py`, whose tree these are in.

RestaurantError
└── NotFound
    ├── UnknownAnswer    the restaurant has no such answer
    └── UnknownQuestion  no such question waits for one
"""

from controlplane.restaurants.errors import NotFound


class UnknownAnswer(NotFound):
    """The restaurant has no such answer."""

    def __init__(self) -> None:
        super().__init__("no such answer: alloresto faq list")


class UnknownQuestion(NotFound):
    """No question of this id waits for an answer: it has one, or was dismissed."""

    def __init__(self) -> None:
        super().__init__("no such question waits for an answer: alloresto faq gaps")

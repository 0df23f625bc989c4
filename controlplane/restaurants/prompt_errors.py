"""What the rule of prompts does not allow, beside `errors.py`, whose tree this is in.

RestaurantError
└── Refused
    └── SentenceRefused    no voice could say it as it is written
"""

from controlplane.restaurants.errors import Refused


class SentenceRefused(Refused):
    """The message says what to change."""

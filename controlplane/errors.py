"""The errors every process may raise, and what each means to the person who reads it.

AlloRestoError
├── ConfigurationError     a setting is missing or wrong; names it
│   └── InvalidSettings    of a process that starts; names each
├── ServiceUnavailable     Postgres, Redis or FreeSWITCH did not answer in time
├── RestaurantError        a rule of a restaurant says no (controlplane/restaurants/errors.py)
└── EslError               FreeSWITCH's event socket (controlplane/esl/errors.py)
"""

from collections.abc import Sequence


class AlloRestoError(Exception):
    """The project's own errors are built on this one."""


class ConfigurationError(AlloRestoError):
    """A setting is missing or wrong. The message names the setting and what to change."""


class InvalidSettings(ConfigurationError):
    """A process cannot start with its settings. A problem names one of them, never its value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ServiceUnavailable(AlloRestoError):
    """A service the process depends on did not answer before its deadline."""

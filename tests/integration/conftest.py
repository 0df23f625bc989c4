"""The contract tests' fixtures: `switch` (simulator, then FreeSWITCH), `client`, `phone`."""

from tests.integration.switch_under_test import client, phone, switch

__all__ = ["client", "phone", "switch"]

"""A bridge's subscription leaves a demoted Redis, which goes on serving it and hears nothing."""

from contextlib import suppress
from time import monotonic
from typing import Final

import pytest

from controlplane.bridge.assignment_listener import AssignmentListener
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import BindingGivenBack
from controlplane.errors import ServiceUnavailable
from controlplane.local.launch.valkey_pair import ValkeyPair
from controlplane.redis_clients import sync_redis
from tests.waiting import block_until

pytestmark = pytest.mark.integration

BACK_S: Final = 5.0
GIVEN_BACK: Final = BindingGivenBack(gateway_name="pizza-0a1b2c3d")


def test_what_is_published_on_the_new_primary_is_heard(valkey_pair: ValkeyPair) -> None:
    heard: list[BindingGivenBack] = []
    looks: list[None] = []
    with sync_redis(valkey_pair.url, timeout_s=2, retries=1) as client:
        listener = AssignmentListener(
            client,
            bridge_id="bridge-0",
            given_back=heard.append,
            call_asked=lambda _: None,
            look_soon=lambda: looks.append(None),
        )
        listener._turn()
        valkey_pair.fail_over(linked=False)
        began = monotonic()
        with valkey_pair.primary.admin() as admin:

            def told() -> bool:
                admin.publish(redis_keys.bridge_assignments("bridge-0"), GIVEN_BACK.to_json())
                with suppress(ServiceUnavailable):
                    listener._turn()
                return bool(heard)

            block_until(told)
    assert monotonic() - began < BACK_S
    assert len(looks) >= 2  # what was missed is looked for
    assert valkey_pair.left_behind == 0

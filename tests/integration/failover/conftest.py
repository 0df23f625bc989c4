"""Two servers behind one address for each test of a failover."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.local.launch.postgres_pair import PostgresPair
from controlplane.local.launch.valkey_pair import ValkeyPair
from controlplane.migrations.schema import upgrade


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user's services can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="alloresto-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def valkey_pair(folder: Path) -> Iterator[ValkeyPair]:
    with ValkeyPair(folder) as pair:
        yield pair


@pytest.fixture
def postgres_pair(folder: Path) -> Iterator[PostgresPair]:
    """The primary's database is migrated."""
    with PostgresPair(folder) as pair:
        upgrade(pair.url)
        yield pair

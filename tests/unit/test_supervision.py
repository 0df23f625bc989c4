"""Nothing of the product runs unsupervised: each task, greenlet and thread is started by the two
functions that count and log what ends it, or by a group that awaits it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.unit

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ("aiworker", "controlplane", "webapp")
NOT_THE_PRODUCT: Final = ("aiworker/simulator", "controlplane/local")
STARTERS: Final = frozenset(
    "create_task ensure_future run_coroutine_threadsafe run_in_executor create_subprocess_exec"
    " spawn_later spawn_raw start_new_thread Greenlet Process Thread Timer".split()
)
SUPERVISORS: Final = {"aiworker/supervised_loop.py": "start", "controlplane/loop.py": "spawn"}
REASONS: Final = {
    "webapp/app.py: asyncio.create_task": "each loop has an edge, and the shutdown awaits them",
    "webapp/renderings.py: asyncio.ensure_future": "whoever waits for it gets what it raises",
}


def modules() -> list[Path]:
    return [
        path
        for folder in PRODUCT
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(NOT_THE_PRODUCT)
    ]


def started(source: str) -> Iterator[tuple[str, str]]:
    """Every call in a module that starts something: the function it stands in, and how."""
    tree = ast.parse(source)
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and starts(node.func) and not in_a_group(node.func, tree):
            around = [one for one in functions if node in ast.walk(one)]
            yield around[0].name if around else "", ast.unparse(node.func)


def starts(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(attr="spawn"):
            return True  # gevent.spawn, Group.spawn; loop.spawn is called by its own name
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in STARTERS
    return False


def in_a_group(called: ast.expr, tree: ast.Module) -> bool:
    """Say whether it is `tasks.create_task` of an `async with asyncio.TaskGroup() as tasks`."""
    groups = {
        ast.unparse(item.optional_vars)
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if ast.unparse(item.context_expr) == "asyncio.TaskGroup()" and item.optional_vars
    }
    return isinstance(called, ast.Attribute) and ast.unparse(called.value) in groups


def test_what_runs_beside_is_started_by_its_supervisor() -> None:
    unsupervised = [
        f"{path}: {how}"
        for module in modules()
        for path in [str(module.relative_to(ROOT))]
        for function, how in started(module.read_text(encoding="utf-8"))
        if SUPERVISORS.get(path) != function
    ]
    assert sorted(unsupervised) == sorted(REASONS)


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasyncio.create_task(work())",
        "from asyncio import create_task\ncreate_task(work())",
        "import gevent\ndef f():\n    gevent.spawn(work)",
        "import gevent\ngevent.spawn_later(1, work)",
        "pool.spawn(work)",
        "import threading\nthreading.Thread(target=work).start()",
        "async def f(tasks):\n    tasks.create_task(work())",
    ],
)
def test_a_task_that_nobody_supervises_is_found(source: str) -> None:
    assert len(list(started(source))) == 1


def test_a_group_supervises_its_tasks() -> None:
    source = """
async def f():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())
"""
    assert list(started(source)) == []

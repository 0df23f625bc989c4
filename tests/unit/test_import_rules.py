"""The import rules of `pyproject.toml` can each be broken, and no modules import in a circle.

A rule nobody can break holds nothing: each is given one import it must refuse, added to the graph
of the code as it is, as if the line stood in that file.
"""

from copy import deepcopy
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

import grimp
import pytest
from importlinter import Contract
from importlinter.api import read_configuration
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
LINTER: Final = read_configuration(str(ROOT / "pyproject.toml"))
SESSION: Final = LINTER["session_options"]
TYPES: Final[dict[str, type[Contract]]] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
    "protected": ProtectedContract,
}
BREAKS: Final = {
    "contracts do no I/O and run no event loop": ("controlplane.contracts.media", "redis"),
    "models do no I/O": ("controlplane.models.order", "psycopg"),
    "only esl/ knows greenswitch": ("controlplane.bridge.drain", "greenswitch"),
    "ESL is loaded by name, where it is installed": ("controlplane.esl.probe", "ESL"),
    "worker and web app know neither gevent nor the bridge, the controller, esl": (
        "aiworker.claim",
        "controlplane.bridge.metrics",
    ),
    "bridge, controller and esl run on gevent": ("controlplane.bridge.drain", "asyncio"),
    "the restaurant's rules know neither who calls them nor gevent": (
        "controlplane.restaurants.place_order",
        "fastapi",
    ),
    "the simulated switch and the telephone run on asyncio": ("freeswitch.telephone.sip", "gevent"),
    "worker and web app do not know each other": ("webapp.app", "aiworker.claim"),
    "the product knows no simulator, telephone, demo or benchmark": (
        "aiworker.claim",
        "aiworker.simulator.tone_code",
    ),
    "no folder imports another in a circle": (
        "controlplane.esl.event",
        "controlplane.bridge.drain",
    ),
    "a claimed offer goes down through the worker's files, and nothing comes back up": (
        "aiworker.realtime.session_link",
        "aiworker.worker_call",
    ),
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *SESSION["root_packages"], include_external_packages=True, cache_dir=None
    )


def broken(options: dict[str, Any], graph: grimp.ImportGraph) -> bool:
    contract = TYPES[options["type"]](
        name=options["name"],
        session_options=SESSION,
        contract_options=options,
    )
    return not contract.check(deepcopy(graph), verbose=False).kept


@pytest.mark.parametrize(
    "options", LINTER["contracts_options"], ids=lambda options: options["name"]
)
def test_a_rule_holds_and_can_be_broken(options: dict[str, Any], graph: grimp.ImportGraph) -> None:
    importer, imported = BREAKS[options["name"]]
    assert not broken(options, graph)

    wrong = deepcopy(graph)
    if imported not in wrong.modules:
        wrong.add_module(imported, is_squashed=True)
    wrong.add_import(importer=importer, imported=imported)

    assert broken(options, wrong)


def test_no_modules_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    """Not even across the top-level packages, which the linter's rule does not compare."""
    TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ).prepare()  # raises CycleError, with the circle

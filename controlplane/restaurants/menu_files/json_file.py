"""A menu document as JSON, in our own format: the one that loses nothing of a menu."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Never

from pydantic import ValidationError

from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_files.problems import (
    MenuFileRefused,
    Problem,
    at_path,
    faults_of,
    in_line,
    of_file,
)
from controlplane.restaurants.menu_words import words_of


def json_document(data: bytes) -> MenuDocument:
    """The menu of a JSON file. Raises `MenuFileRefused` with every fault's path, or the line."""
    try:
        document = MenuDocument.model_validate(_loaded(data))
    except ValidationError as error:
        raise MenuFileRefused([at_path(*fault) for fault in faults_of(error)]) from error
    problems = [*_same_names(document), *_unknown_groups(document), *_unknown_dishes(document)]
    if not document.placed_items():
        problems.append(of_file("le fichier ne contient aucun plat"))
    if problems:
        raise MenuFileRefused(problems)
    return document


def _loaded(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise MenuFileRefused([in_line(line, "ce n'est pas de l'UTF-8")]) from error
    except json.JSONDecodeError as error:
        message = f"ce n'est pas du JSON, au caractère {error.colno}"
        raise MenuFileRefused([in_line(error.lineno, message)]) from error
    except RecursionError as error:
        raise MenuFileRefused([of_file("le fichier est imbriqué trop profondément")]) from error
    except ValueError as error:
        raise MenuFileRefused([of_file(str(error))]) from error


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"« {twice[:40]} » est écrit deux fois dans le même objet")
    return found


def _no_number(constant: str) -> Never:
    raise ValueError(f"{constant} n'est pas un nombre")


def _same_names(document: MenuDocument) -> Iterator[Problem]:
    """A name twice in one list: nobody could say which of the two is meant."""
    lists: list[tuple[Sequence[int | str], Iterable[str]]] = [
        (("categories",), (category.name for category in document.categories)),
        (("option_groups",), (group.name for group in document.option_groups)),
    ]
    for at, category in enumerate(document.categories):
        lists.append((("categories", at, "items"), (item.name for item in category.items)))
    for at, group in enumerate(document.option_groups):
        lists.append((("option_groups", at, "options"), (one.name for one in group.options)))
    for path, names in lists:
        first: dict[object, int] = {}
        for at, name in enumerate(names):
            if first.setdefault(words_of(name, accents=True), at) != at:
                message = f"« {name} » est déjà dans cette liste : gardez l'un des deux"
                yield at_path((*path, at, "name"), message)


def _unknown_groups(document: MenuDocument) -> Iterator[Problem]:
    known = {group.name for group in document.option_groups}
    for at, category in enumerate(document.categories):
        for number, item in enumerate(category.items):
            for name in item.option_groups:
                if name not in known:
                    path = ("categories", at, "items", number, "option_groups")
                    yield at_path(path, f"aucun groupe ne s'appelle « {name} »")


def _unknown_dishes(document: MenuDocument) -> Iterator[Problem]:
    for group, option in document.unknown_components():
        path = ("option_groups", document.option_groups.index(group), "options")
        message = f"aucun plat de « {option.category} » ne s'appelle « {option.name} »"
        yield at_path((*path, group.options.index(option), "category"), message)

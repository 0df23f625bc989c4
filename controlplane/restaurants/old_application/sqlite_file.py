"""The old application's SQLite file, read and never written, in one snapshot, a row at a time."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from controlplane.restaurants.old_application.errors import OldFileRefused
from controlplane.restaurants.old_application.mapping import FIELDS, OldMapping, OldTable
from controlplane.restaurants.old_application.values import Value

BUSY_SECONDS: Final = 5.0
"""An application that holds its file for longer is at work in it."""
MOST_LINES: Final = 500
"""No order has so many; a file that says otherwise costs no more memory."""
_HEADER: Final = b"SQLite format 3\0"
_WHO: Final = {"customer_name": "name", "customer_phone": "phone"}
"""What orders and reservations may take from the customer they name."""

Row = dict[str, Value]
"""A row by our fields' names; a field that the table lacks is not in it."""


class SqliteFile:
    """A context manager. Raises `OldFileRefused` when the file or a table is not as mapped."""

    def __init__(self, path: Path, mapping: OldMapping) -> None:
        self._path = path
        self._mapping = mapping
        self._columns: dict[OldTable, dict[str, str]] = {}
        self.decoded = 0
        """So many texts were no UTF-8 and were read as Windows-1252."""
        self.lines_read = 0
        """So many lines of orders were read."""

    def __enter__(self) -> Self:
        with self._path.open("rb") as opened:
            if opened.read(len(_HEADER)) != _HEADER:
                raise OldFileRefused("ce fichier n'est pas une base SQLite")
        self._connection = self._connect()
        try:
            for table in OldTable:
                self._columns[table] = self._columns_of(table)
            if self.has(OldTable.ORDERS) and not self.has(OldTable.ORDER_LINES):
                raise OldFileRefused("des commandes sans lignes : nommez [order_lines] table")
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def name(self) -> str:
        return self._path.name

    def has(self, table: OldTable) -> bool:
        return bool(self._mapping.name_of(table))

    def count(self, table: OldTable) -> int:
        """Rows of a table; 0 of one that is not mapped."""
        return self._one(f"SELECT count(*) FROM {self._name(table)}") if self.has(table) else 0

    def ids_used_twice(self, table: OldTable) -> dict[Value, int]:
        """Ids that say nothing, and of how many rows each is; None is no id either."""
        if not self.has(table):
            return {}
        column = self._of(table, "id")
        statement = (
            f"SELECT {column}, count(*) FROM {self._name(table)} GROUP BY 1"
            f" HAVING count(*) > 1 OR {column} IS NULL"
        )
        return dict(self._connection.execute(statement))

    def rows(self, table: OldTable) -> Iterator[Row]:
        """Every row, by id where it has one, with the customer's name and number where it says
        whose it is by an id alone; none of a table that is not mapped.
        """
        if not self.has(table):
            return
        fields = self._selected(table, "t")
        id_column = self._columns[table].get("id")
        order = f" ORDER BY t.{_quoted(id_column)}" if id_column else ""
        statement = f"SELECT {', '.join(fields.values())} FROM {self._name(table)} AS t{order}"
        for row in self._connection.execute(statement):
            yield dict(zip(fields, row, strict=True))

    def orders(self) -> Iterator[tuple[Row, list[Row]]]:
        """Every order with its lines, by their ids; of too many, the first and one more. Orders of
        one id are one here: whose the lines are, nobody knows.
        """
        if not self.has(OldTable.ORDERS):
            return
        order = self._selected(OldTable.ORDERS, "t")
        line = self._selected(OldTable.ORDER_LINES, "l")
        order_id = self._of(OldTable.ORDERS, "id")
        statement = (
            f"SELECT {', '.join((*order.values(), *line.values()))} FROM"
            f" (SELECT * FROM {self._name(OldTable.ORDERS)} GROUP BY {order_id}) AS t"
            f" LEFT JOIN {self._name(OldTable.ORDER_LINES)} AS l"
            f" ON l.{self._of(OldTable.ORDER_LINES, 'order_id')} = t.{order_id}"
            f" ORDER BY t.{order_id}, l.{self._of(OldTable.ORDER_LINES, 'id')}"
        )
        head: Row | None = None
        lines: list[Row] = []
        for row in self._connection.execute(statement):
            read = dict(zip(order, row, strict=False))
            if head is None or read["id"] != head["id"]:
                if head is not None:
                    yield head, lines
                head, lines = read, []
            found = dict(zip(line, row[len(order) :], strict=True))
            if found["order_id"] is not None:
                self.lines_read += 1
                lines[MOST_LINES:] = [found]
        if head is not None:
            yield head, lines

    def lines_of_no_order(self) -> Iterator[Value]:
        """Ids of the lines whose order the file lacks."""
        if not self.has(OldTable.ORDERS):
            return
        lines, orders = OldTable.ORDER_LINES, OldTable.ORDERS
        statement = (
            f"SELECT {self._of(lines, 'id')} FROM {self._name(lines)} AS l WHERE NOT EXISTS"
            f" (SELECT 1 FROM {self._name(orders)} AS t"
            f" WHERE t.{self._of(orders, 'id')} = l.{self._of(lines, 'order_id')})"
        )
        for (found,) in self._connection.execute(statement):
            yield found

    def _connect(self) -> sqlite3.Connection:
        """A connection that cannot write, inside the transaction that is its snapshot."""
        uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = self._decode
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise OldFileRefused("ce fichier est endommagé : reprenez une sauvegarde")
        except sqlite3.DatabaseError as error:
            connection.close()
            raise _refused(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _decode(self, data: bytes) -> str:
        """Text as it was meant: UTF-8, or what an application wrote as its Windows had it."""
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.decoded += 1
            return data.decode("cp1252", "replace")

    def _columns_of(self, table: OldTable) -> dict[str, str]:
        """The file's column for each of our fields that it has."""
        if not self.has(table):
            return {}
        given, fields = self._mapping.of(table).columns, FIELDS[table]
        name = self._mapping.name_of(table)
        found = [row[1] for row in self._connection.execute(f"PRAGMA table_info({_quoted(name)})")]
        if not found:
            raise OldFileRefused(
                f'il n\'y a pas de table « {name} » : nommez-la dans [{table}] table = "…",'
                f" ou écrivez table = \"\" si l'ancienne application n'en a pas"
                f" (tables trouvées : {', '.join(self._tables())})"
            )
        known = {column.casefold(): column for column in found}
        named = {
            field: known.get(given.get(field, field).casefold())
            for field in (*fields.required, *fields.optional)
        }
        for field, column in named.items():
            if column is None and (field in fields.required or field in given):
                raise OldFileRefused(
                    f"la table « {name} » n'a pas de colonne « {given.get(field, field)} » : nommez"
                    f' la bonne dans [{table}.columns] {field} = "…" (colonnes trouvées :'
                    f" {', '.join(found)})"
                )
        return {field: column for field, column in named.items() if column is not None}

    def _selected(self, table: OldTable, alias: str) -> dict[str, str]:
        """An expression for each field."""
        columns = self._columns[table]
        fields = {field: f"{alias}.{_quoted(column)}" for field, column in columns.items()}
        if "customer_id" in columns and self.has(OldTable.CUSTOMERS):
            for field, of_customer in _WHO.items():
                if of_customer in self._columns[OldTable.CUSTOMERS]:
                    theirs = self._of_customer(of_customer, fields["customer_id"])
                    own = fields.get(field, "NULL")
                    fields[field] = f"coalesce(nullif({own}, ''), {theirs})"
        return fields

    def _of_customer(self, field: str, customer_id: str) -> str:
        customers = OldTable.CUSTOMERS
        return (
            f"(SELECT c.{self._of(customers, field)} FROM {self._name(customers)} AS c"
            f" WHERE c.{self._of(customers, 'id')} = {customer_id} LIMIT 1)"
        )

    def _name(self, table: OldTable) -> str:
        return _quoted(self._mapping.name_of(table))

    def _of(self, table: OldTable, field: str) -> str:
        return _quoted(self._columns[table][field])

    def _tables(self) -> Sequence[str]:
        statement = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name"
        return [name for (name,) in self._connection.execute(statement)]

    def _one(self, statement: str) -> int:
        (found,) = self._connection.execute(statement).fetchone()
        return int(found)


def _refused(error: sqlite3.DatabaseError) -> OldFileRefused:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            why = "l'ancienne application écrit dans ce fichier : arrêtez-la, ou donnez une copie"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            why = (
                "ce fichier attend d'être réparé par l'ancienne application (-journal, -wal) :"
                " ouvrez-la une fois puis arrêtez-la, ou donnez une copie avec ces fichiers"
            )
        case sqlite3.SQLITE_NOTADB:
            why = "ce fichier n'est pas une base SQLite, ou elle est chiffrée"
        case _:
            why = "ce fichier est endommagé : reprenez une sauvegarde"
    return OldFileRefused(why)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Builds SQLite files as an existing application left them, by the default schema."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = """
CREATE TABLE restaurant (name TEXT, slug TEXT, phone TEXT, address TEXT);
CREATE TABLE menu (id INTEGER PRIMARY KEY, category TEXT, name TEXT, price, vat_rate);
CREATE TABLE customers (id INTEGER PRIMARY KEY, phone TEXT, name TEXT, last_seen_at TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, created_at, status TEXT, total,
    customer_id INTEGER, customer_name TEXT, customer_phone TEXT, note TEXT, discount);
CREATE TABLE order_items (id INTEGER PRIMARY KEY, order_id INTEGER, name TEXT, quantity,
    unit_price, vat_rate, options TEXT);
CREATE TABLE reservations (id INTEGER PRIMARY KEY, starts_at, party, status TEXT,
    customer_name TEXT, customer_phone TEXT, note TEXT);
INSERT INTO restaurant VALUES ('Chez Mario', 'chez-mario', '01 99 00 11 11', '1 rue du Four, Lyon');
"""

Rows = Sequence[Sequence[Any]]


def old_file(path: Path, **tables: Rows) -> Path:
    """A file whose tables have these rows, each filled up with NULLs."""
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        for table, rows in tables.items():
            add_rows(connection, table, rows)
    connection.close()
    return path


def add_rows(connection: sqlite3.Connection, table: str, rows: Rows) -> None:
    width = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
    padded = [[*row, *[None] * (width - len(row))] for row in rows]
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", padded)

"""How large a Prefect database is, and what takes the room."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Room:
    """A table with its indexes."""

    table: str
    rows: int
    bytes: int


def size_of(database: Path) -> int:
    """Bytes of the file. The server must be stopped: what is still in the write-ahead log is brought in first."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return database.stat().st_size


def rooms(database: Path) -> list[Room]:
    """What takes the room, the largest first."""
    with sqlite3.connect(database) as connection:
        owners = dict(connection.execute("SELECT name, tbl_name FROM sqlite_master"))
        sizes: dict[str, int] = {}
        for name, size in connection.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name"):
            sizes[owners.get(name, name)] = sizes.get(owners.get(name, name), 0) + size
        found = [
            Room(table, connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0], size)
            for table, size in sizes.items()
            if table != "sqlite_schema"
        ]
    connection.close()
    return sorted(found, key=lambda room: -room.bytes)


def rows_of(database: Path, table: str) -> int:
    """Rows of a table by now; a server may be at work."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        count: int = connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0]
        return count
    finally:
        connection.close()

"""The store on SQLite: `open_sqlite` opens a database, `SQLiteBackend` is what it gives."""

from leverframe.persistence.sqlite.backend import SQLiteBackend, open_sqlite

__all__ = ["SQLiteBackend", "open_sqlite"]

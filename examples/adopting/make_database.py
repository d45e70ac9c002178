"""Make the database of a workshop as years of use leave it: 10,000 repairs in one table, some of them dirty.

    python examples/adopting/make_database.py [workshop.db] [ROWS]

The same every time.  Nobody in it is real.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["TABLE", "make_database", "rows"]

SEED = 1885
ROWS = 10_000
OPENED = datetime(2019, 3, 1, 8, tzinfo=UTC)

TABLE = """
CREATE TABLE repair (
    id INTEGER PRIMARY KEY,
    shop TEXT,
    ticket INTEGER,
    status TEXT,
    bike TEXT,
    customer_no TEXT,
    urgent TEXT,
    mechanic TEXT,
    promised TEXT,
    parts TEXT,
    price TEXT,
    finished INTEGER,
    cancel_reason TEXT,
    created INTEGER
)"""

COLUMNS = (
    "id", "shop", "ticket", "status", "bike", "customer_no", "urgent", "mechanic", "promised", "parts", "price",
    "finished", "cancel_reason", "created",
)  # fmt: skip

SHOPS = ("harbour", "station", "old-town")
BIKES = ("city bike", "racer", "cargo bike", "tandem", "folding bike", "mountain bike")
MECHANICS = ("m-01", "m-02", "m-03", "m-04")
PARTS = ("chain", "brake pads", "inner tube", "spoke", "saddle", "light")
REASONS = ("too dear", "not worth it", "part not to be had", "")

STATUSES = {
    "collected": 700, "Collected": 40, "done": 30, "ready": 60, "READY": 6, "in work": 70, "in_work": 12, "new": 40,
    "cancelled": 22, "canceled": 12, "test": 5, None: 3,
}  # fmt: skip


def rows(number: int = ROWS) -> Iterator[dict[str, Any]]:
    """The rows of the table."""
    dice = random.Random(SEED)
    tickets = dict.fromkeys(SHOPS, 0)
    for count in range(1, number + 1):
        shop = dice.choice(SHOPS)
        tickets[shop] += 1
        yield soiled(dice, clean(dice, count, shop, tickets[shop]))


def clean(dice: random.Random, count: int, shop: str, ticket: int) -> dict[str, Any]:
    """A row as it was meant."""
    status = dice.choices(list(STATUSES), list(STATUSES.values()))[0]
    created = OPENED + timedelta(hours=4 * count, seconds=dice.randrange(3600))
    finished = created + timedelta(hours=dice.randrange(2, 200))
    meant = (status or "new").lower()
    is_worked_on = meant in ("in work", "in_work", "ready", "collected", "done")
    is_finished = meant in ("ready", "collected", "done")
    return {
        "id": count,
        "shop": shop,
        "ticket": ticket,
        "status": status,
        "bike": dice.choice(BIKES),
        "customer_no": f"C{dice.randrange(1, 4000):05}",
        "urgent": dice.choice(("Y", "N", "N", "N", None)),
        "mechanic": dice.choice(MECHANICS) if is_worked_on else None,
        "promised": f"{finished:%d.%m.%Y}" if is_worked_on and dice.random() < 0.8 else None,
        "parts": json.dumps(dice.sample(PARTS, dice.randrange(3))) if is_worked_on else None,
        "price": f"{dice.randrange(900, 30000) / 100:.2f}" if is_finished else None,
        "finished": int(finished.timestamp() * 1000) if is_finished else None,
        "cancel_reason": dice.choice(REASONS) if meant.startswith("cancel") else None,
        "created": int(created.timestamp()),
    }


def soiled(dice: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    """What happens to some rows, over the years."""
    match dice.randrange(150):
        case 0 | 1 if row["mechanic"]:
            row["mechanic"] = dice.choice(("", "-", None))
        case 2 | 3 if row["price"]:
            row["price"] = row["price"].replace(".", ",")
        case 4 if row["price"]:
            row["price"] = dice.choice(("n/a", "free", ""))
        case 5 if row["parts"]:
            row["parts"] = '["chain", "spo'
        case 6 | 7:
            row["promised"] = "00.00.0000"
        case 8:
            row["ticket"] = max(1, row["ticket"] - 1)
        case 9:
            row["customer_no"] = None
        case 10:
            row["bike"] = "  "
        case 11 if row["finished"]:
            row["finished"] = "yesterday"
        case 12:
            row["urgent"] = "maybe"
        case 13:
            row["shop"] = None
        case 14 | 15 | 16:
            row["created"] = 0
        case _:
            pass
    return row


def make_database(path: str, number: int = ROWS) -> None:
    """Write the table to a new file."""
    marks = ", ".join("?" * len(COLUMNS))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(TABLE)
        values = ([row[name] for name in COLUMNS] for row in rows(number))
        connection.executemany(f"INSERT INTO repair ({', '.join(COLUMNS)}) VALUES ({marks})", values)


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "workshop.db"
    number = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    make_database(path, number)
    print(f"{path}: {number:,} repairs")

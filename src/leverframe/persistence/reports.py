"""What a store tells of its own state, and of what was deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

__all__ = ["Examination", "Finding", "Pruned"]


@frozen
class Pruned:
    """What `Store.prune` has deleted: lines of the journal, messages, delivery ids, and whole instances.

    What belonged to an instance that was deleted is not counted apart.

    >>> from leverframe import Pruned
    >>> Pruned(journal=2, deliveries=1)
    Pruned(journal=2, messages=0, deliveries=1, instances=0)
    """

    journal: int = 0
    messages: int = 0
    deliveries: int = 0
    instances: int = 0


@frozen
class Finding:
    """Something that is not as it should be: its kind, what it is, and what to do.

    >>> from leverframe import Finding
    >>> Finding("cursor", "mailer is 5,000 messages behind", "see whether its reader runs").kind
    'cursor'
    """

    kind: Literal["clock", "consumer", "counts", "cursor", "log", "row", "state", "transaction"]
    problem: str
    remedy: str


@frozen
class Examination:
    """What `Store.examine` has seen.

    Attributes: `location`; `leverframe`, `database` and `driver`, with their versions; `migrations`, those applied;
    `size` and `log`, in bytes (`log` is None where the database keeps none beside itself); `oldest`, how many seconds
    the oldest transaction has been open, None where nobody can tell; `rows`, how many each table has; `behind`, how
    many messages stand behind each cursor; `findings`, none if all is well; `consumers`, how many messages each has yet
    to be handed, and `set_aside`, how many each has set aside.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     store.examine().findings
    ()
    """

    location: str
    leverframe: str
    database: str
    driver: str
    migrations: tuple[str, ...]
    size: int
    log: int | None
    oldest: float | None
    rows: Mapping[str, int]
    behind: Mapping[str, int]
    findings: tuple[Finding, ...]
    consumers: Mapping[str, int] = field(factory=dict[str, int])
    set_aside: Mapping[str, int] = field(factory=dict[str, int])

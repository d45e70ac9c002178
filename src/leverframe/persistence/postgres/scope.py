"""Whose rows a connection is set to: what `row_security.py` has the server look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from leverframe.persistence.postgres.saying import SpokenConnection

__all__ = ["PLAIN", "SET_SCOPE", "WHOLE", "Scope", "scope_values", "set_scope"]

SET_SCOPE = "SELECT set_config('leverframe.tenant', %s, false), set_config('leverframe.whole', %s, false)"


@frozen
class Scope:
    """One tenant, or, `whole`, all of them, for those to whom the server allows that."""

    tenant: str = ""
    whole: bool = False


PLAIN = Scope()

WHOLE = Scope("", whole=True)


def scope_values(scope: Scope) -> tuple[str, str]:
    """The parameters of `SET_SCOPE`."""
    return scope.tenant, "on" if scope.whole else "off"


def set_scope(connection: SpokenConnection, scope: Scope) -> None:
    """Have a connection see these rows, unless it does.  Raises `psycopg.Error`."""
    if connection.scope != scope:
        # What fails half-way leaves nobody certain.
        connection.scope = None
        connection.say(SET_SCOPE, scope_values(scope))
        connection.scope = scope

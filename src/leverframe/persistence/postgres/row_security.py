"""Who may see and write which rows: what the server itself holds to, whatever it is asked.

A row is there for a connection if its tenant is the one that the connection was set to.  Whoever tends the database
as a whole sets another setting, which counts for those who have the rights of the tables' owner.  Any other role that
is listed in `tenant_role` has the tenants that are listed with it, and no others, however it sets anything.
"""

from __future__ import annotations

__all__ = ["IS_FREE", "OWNS", "TENANT_ROLE", "declaration_security", "row_security"]

TENANT = "coalesce(current_setting('leverframe.tenant', true), '')"

# The table's own row-level security is not forced: it holds for everybody but its owner, and those who have his rights.
# The server knows without reading anything.
OWNS = "NOT row_security_active('tenant_role'::regclass)"

WHOLE = f"current_setting('leverframe.whole', true) = 'on' AND {OWNS}"

# Who has logged in stays bound when another role is set, and whoever takes a bound role on is bound like it.
ITS_OWN = "role = ANY (ARRAY[session_user, current_user]::text[])"

# Its owner writes it, and nobody else; everybody sees what is said of himself.
TENANT_ROLE = (
    """
CREATE TABLE tenant_role (
    role TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (role, tenant)
)""",
    "ALTER TABLE tenant_role ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY its_own ON tenant_role AS PERMISSIVE FOR SELECT USING ({ITS_OWN})",
    "GRANT SELECT ON tenant_role TO PUBLIC",
)
# Not a part of the policies, because whatever stands in these is made ready with each statement, used or not.  It looks
# at the schema that it is made in, whatever the search path is later.
IS_FREE = f"""
CREATE FUNCTION may_use_tenant(name text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN coalesce((SELECT bool_and(of_role.listed) FROM (
        SELECT bool_or(tenant = name) AS listed FROM tenant_role WHERE {ITS_OWN} GROUP BY role) AS of_role), true);
END $$"""


def row_security(table: str) -> tuple[str, ...]:
    """What makes the server keep the tenants of a table apart; the table has a column `tenant`.

    >>> row_security("cursor")[:2]
    ('ALTER TABLE cursor ENABLE ROW LEVEL SECURITY', 'ALTER TABLE cursor FORCE ROW LEVEL SECURITY')
    """
    # What is cheap comes first, and what is not is asked once for a statement: a query of its own is.
    allowed = f"{OWNS} OR (SELECT may_use_tenant({TENANT}))"
    visible = f"(tenant = {TENANT} AND ({allowed})) OR ({WHOLE})"
    return (*secured(table), f"CREATE POLICY of_tenant ON {table} USING ({visible})")


def declaration_security(table: str) -> tuple[str, ...]:
    """The same for a table that belongs to the code: all may read it, and only who tends all may write it."""
    return (
        *secured(table),
        f"CREATE POLICY for_all_tenants ON {table} FOR SELECT USING (true)",
        f"CREATE POLICY by_who_tends_all ON {table} USING ({WHOLE})",
    )


def secured(table: str) -> tuple[str, str]:
    # FORCE, because else it would not hold for the tables' owner.
    return f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"

"""What is wrong with a machine's policies: leases, retries, heartbeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leverframe.checks.finding import Finding
from leverframe.checks.reach import AnyEdge, Reach
from leverframe.checks.sources import written_member
from leverframe.coordination.policies import LeasePolicy
from leverframe.coordination.retrying import retry_of
from leverframe.coordination.staleness import Staleness
from leverframe.typed.policy import Policy, declared_policies

__all__ = ["find_in_policies"]


def find_in_policies(reach: Reach) -> Iterator[Finding]:
    """All that is about policies."""
    policies = declared_policies(reach.machine)
    leases = [each for each in policies if isinstance(each, LeasePolicy)]
    for lease in leases:
        yield from lease_without_end(reach, lease)
        yield from lease_without_work(reach, lease)
    if not leases:
        yield from retry_without_lease(reach)
    for policy in policies:
        if isinstance(policy, Staleness):
            yield from watched_ends(reach, policy)


def about_member(reach: Reach, name: str, code: str, problem: str, remedy: str) -> Finding:
    return Finding(code, reach.machine.__name__, problem, remedy, written_member(reach.machine, name))


# ---------------------------------------------------------------- leases


def lease_without_end(reach: Reach, lease: LeasePolicy) -> Iterator[Finding]:
    if lease.expiry is None and lease.takeover is None:
        problem = f"{lease.name}: what a worker had that is gone stays with it"
        remedy = "give expiry=, a move for `Store.reap`, or takeover=, one for the next claim"
        yield about_member(reach, lease.name, "lease-without-end", problem, remedy)


def leased_leaves(reach: Reach, lease: LeasePolicy) -> list[type[Any]]:
    return [leaf.payload for leaf in reach.leaves if issubclass(leaf.payload, lease.leased)]


def lease_without_work(reach: Reach, lease: LeasePolicy) -> Iterator[Finding]:
    leased = leased_leaves(reach, lease)
    others = (lease.expiry, lease.takeover, lease.release, lease.claim)
    for leaf in leased:
        moves = [each.edge for event in reach.table.rows.get(leaf, {}) for each in reach.candidates(leaf, event)]
        own: list[AnyEdge] = [edge for edge in moves if edge not in others]
        if not any(target not in leased for edge in own for target in edge.targets):
            path = reach.machine.path(leaf)
            problem = f"{lease.name}: no move of its owner leads out of {path}"
            remedy = "write the move by which it is done"
            yield about_member(reach, lease.name, "lease-without-work", problem, remedy)


def retry_without_lease(reach: Reach) -> Iterator[Finding]:
    retry: Policy | None = retry_of(reach.machine)
    if retry is not None:
        problem = f"{retry.name} is for workers, and without a Lease none of them claims it"
        yield about_member(reach, retry.name, "retry-without-lease", problem, "declare a Lease, or drop it")


def watched_ends(reach: Reach, staleness: Staleness) -> Iterator[Finding]:
    ends = [leaf for leaf in reach.leaves if issubclass(leaf.payload, staleness.watched)]
    for leaf in ends:
        if not reach.nexts[leaf.payload]:
            problem = f"{staleness.name} watches {leaf.path}, which nothing leads out of: it is dead for ever"
            remedy = "leave that state out of watched="
            yield about_member(reach, staleness.name, "watched-end", problem, remedy)

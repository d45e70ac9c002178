"""A picture of what no shipped machine has: superstates in superstates, moves to themselves and to states in them."""

from __future__ import annotations

from leverframe.diagrams.picture import Field, HookMark, Move, Picture, State

__all__ = ["WORKSHOP"]

WORKSHOP = Picture(
    "Workshop",
    "What no shipped machine has.",
    (
        State("active", "Active", "", ("active.draft", "active.build", "active.blocked"), True, False, ()),
        State("active.draft", "Draft", "active", (), True, False, (Field("author", "str"),)),
        State(
            "active.build",
            "Building",
            "active",
            ("active.build.queued", "active.build.running"),
            False,
            False,
            (Field("commit", "str"), Field("attempt", "int")),
            (HookMark("lease_worker", "enter"), HookMark("release_worker", "exit")),
        ),
        State("active.build.queued", "Queued", "active.build", (), True, False, ()),
        State("active.build.running", "Running", "active.build", (), False, False, (Field("host", "str"),)),
        State("active.blocked", "Blocked", "active", (), False, False, (Field("reason", "str"),)),
        State("done", "Done", "", (), False, False, (Field("merged_at", "datetime"),)),
        State("gone", "Gone", "", (), False, True, ()),
    ),
    (
        Move("submit", "Submit", ("active.draft",), ("active.build",), "has_diff"),
        Move("lease", "Leased", ("active.build.queued",), ("active.build.running",)),
        Move("retry", "Retry", ("active.build",), ("active.build.queued",), "attempts_left"),
        Move("again", "Again", ("active.build",), ("active.build",)),
        Move("failed", "Failed", ("active.build",), ("active.draft",)),
        Move("block", "Block", ("active",), ("active.blocked",)),
        Move("unblock", "Unblock", ("active.blocked",), ("active.draft", "active.build.queued")),
        Move("restart", "Restart", ("active",), ("active",)),
        Move("merge", "Merge", ("active.build.running",), ("done",), "two_approvals"),
        Move("reopen", "Reopen", ("done",), ("active",)),
        Move("drop", "Drop", ("active", "done"), ("gone",)),
    ),
)

"""What is wrong with where moves lead: what never happens, and what never ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leverframe.checks.finding import Finding
from leverframe.checks.reach import AnyEdge, Cell, Reach
from leverframe.checks.sources import written_class, written_function, written_member
from leverframe.typed.structure import Node
from leverframe.wording import join_names

__all__ = ["find_in_moves"]


def find_in_moves(reach: Reach) -> Iterator[Finding]:
    """All that is about states and moves."""
    yield from unreachable_states(reach)
    for edge in reach.structure.edges.values():
        yield from dead_move(reach, edge)
        yield from shadowed_guard(reach, edge)
        yield from overridden_moves(reach, edge)
    yield from dead_events(reach)
    yield from traps(reach)
    yield from no_end(reach)
    yield from dead_hooks(reach)
    yield from skipped_hooks(reach)


def about_state(reach: Reach, node: Node, code: str, problem: str, remedy: str) -> Finding:
    written = written_member(reach.machine, node.path) or written_class(node.payload)
    return Finding(code, reach.machine.__name__, problem, remedy, written)


def about_move(reach: Reach, edge: AnyEdge, code: str, problem: str, remedy: str) -> Finding:
    return Finding(code, reach.machine.__name__, problem, remedy, written_function(edge.function))


# ---------------------------------------------------------------- what never happens


def unreachable_states(reach: Reach) -> Iterator[Finding]:
    for leaf in reach.leaves:
        if leaf.payload not in reach.entered:
            problem = f"no move that is ever made leads to {leaf.path} from {initial_path(reach)}"
            remedy = "mend the move that should, or drop the state"
            yield about_state(reach, leaf, "unreachable-state", problem, remedy)


def initial_path(reach: Reach) -> str:
    return reach.machine.path(reach.machine.initial())


def dead_move(reach: Reach, edge: AnyEdge) -> Iterator[Finding]:
    """Of each event by itself: a move may be for several."""
    asked = set(reach.asked(edge))
    for event in edge.events:
        cells = [cell for cell in reach.declared(edge) if cell[1] is event]
        alive = [cell for cell in cells if cell in asked]
        if any(leaf in reach.entered for leaf, _ in alive):
            continue
        if alive:
            problem = f"{edge.name} is never made for {event.__name__}: {paths_of(reach, alive)} is never entered"
            yield about_move(reach, edge, "dead-move", problem, "mend what should lead there, or drop the move")
        elif not all(same_level(reach, edge, cell) for cell in cells):
            others = join_names(dict.fromkeys(reach.taker(cell).name for cell in cells))
            problem = f"{edge.name} is never asked: {others} takes {event.__name__} in each of its states"
            yield about_move(reach, edge, "dead-move", problem, "give the other a guard, or drop one of them")


def paths_of(reach: Reach, cells: Iterable[Cell]) -> str:
    return join_names(dict.fromkeys(reach.machine.path(leaf) for leaf, _ in cells))


def events_of(cells: Iterable[Cell]) -> str:
    return join_names(dict.fromkeys(event.__name__ for _, event in cells))


def same_level(reach: Reach, edge: AnyEdge, cell: Cell) -> bool:
    """Whether who takes its place is declared for the same state or superstate."""
    leaf = reach.structure.leaves[cell[0]]
    return reach.source_in(edge, leaf) is reach.source_in(reach.taker(cell), leaf)


def shadowed_guard(reach: Reach, edge: AnyEdge) -> Iterator[Finding]:
    asked = reach.asked(edge)
    shadowed = [cell for cell in reach.declared(edge) if cell not in asked and same_level(reach, edge, cell)]
    if shadowed:
        other = reach.taker(shadowed[0])
        problem = f"the guard {edge.guard_name()} of {edge.name} is never asked in {paths_of(reach, shadowed)}"
        remedy = f"{other.name} has no guard and stands before it; write it behind"
        yield about_move(reach, edge, "shadowed-guard", problem, remedy)


def overridden_moves(reach: Reach, edge: AnyEdge) -> Iterator[Finding]:
    """Told of the leaf's move: that is where somebody has to say that it is meant."""
    asked = reach.asked(edge)
    alive = {event for _, event in asked}  # For the others it is a dead move.
    taken: dict[str, list[Cell]] = {}
    for cell in reach.declared(edge):
        if cell not in asked and cell[1] in alive and not same_level(reach, edge, cell):
            taken.setdefault(reach.taker(cell).name, []).append(cell)
    for name, cells in taken.items():
        where = f"{name} takes {events_of(cells)} in {paths_of(reach, cells)}"
        remedy = "give it a guard or another event; if it is meant, accept it here"
        problem = f"{where}, in place of {edge.name} of the superstate"
        yield about_move(reach, reach.structure.edges[name], "overridden-move", problem, remedy)


def dead_events(reach: Reach) -> Iterator[Finding]:
    for event in reach.structure.events:
        moves = [edge for edge in reach.structure.edges.values() if event in edge.events]
        if not any(leaf in reach.entered for edge in moves for leaf, kind in reach.asked(edge) if kind is event):
            problem = f"no move for {event.__name__} is ever made"
            remedy = "mend its move, or drop the event"
            written = written_class(event)
            yield Finding("dead-event", reach.machine.__name__, problem, remedy, written)


# ---------------------------------------------------------------- what never ends


def traps(reach: Reach) -> Iterator[Finding]:
    for leaf in reach.leaves:
        if is_trap(reach, leaf):
            problem = f"no move leads out of {leaf.path}, and it is not final"
            yield about_state(reach, leaf, "trap", problem, "write state(..., final=True), or a move out of it")


def is_trap(reach: Reach, leaf: Node) -> bool:
    return not leaf.native.final and reach.nexts[leaf.payload] <= {leaf.payload}


def no_end(reach: Reach) -> Iterator[Finding]:
    """Only where the machine has an end: one that goes round for ever is meant to."""
    ends = {leaf.payload for leaf in reach.leaves if leaf.native.final}
    # A trap is told by itself.
    stops = ends | {leaf.payload for leaf in reach.leaves if is_trap(reach, leaf)}
    lost = [leaf for leaf in reach.leaves if not reach.behind(leaf.payload) & stops]
    if ends and lost:
        paths = join_names(leaf.path for leaf in lost)
        problem = f"no final state is reached from {paths}"
        yield about_state(reach, lost[0], "no-end", problem, "write a move that leads to an end")


# ---------------------------------------------------------------- hooks


def dead_hooks(reach: Reach) -> Iterator[Finding]:
    run = {function for cell in live_cells(reach) for function in exits(reach, cell)}
    for hook, node in reach.structure.hooks:
        if hook.kind == "exit" and hook.function not in run:
            problem = f"{hook.name} never runs: no move leaves {node.path}"
            written = written_function(hook.function)
            yield Finding("dead-hook", reach.machine.__name__, problem, "drop it, or write the move", written)


def live_cells(reach: Reach) -> Iterable[Cell]:
    return ((leaf, event) for leaf, row in reach.table.rows.items() if leaf in reach.entered for event in row)


def exits(reach: Reach, cell: Cell) -> Iterator[object]:
    for candidate in reach.candidates(*cell):
        for hooks in candidate.targets.values():
            yield from () if hooks is None else hooks.exits


def skipped_hooks(reach: Reach) -> Iterator[Finding]:
    """Of moves out of several states into one of them: there it is in place, and nothing is left or entered."""
    for edge in reach.structure.edges.values():
        for target in edge.targets:
            node = reach.structure.leaves[target]
            hooks = [hook.name for hook, at in reach.structure.hooks if at is node]
            inside = [leaf for leaf, _ in reach.asked(edge)]
            if hooks and len(edge.targets) == 1 and target in inside and set(inside) != {target}:
                problem = f"{edge.name} leads from {node.path} to itself too, where {join_names(hooks)} does not run"
                remedy = "name the other states as its source; if it is meant, accept it here"
                yield about_move(reach, edge, "skipped-hook", problem, remedy)

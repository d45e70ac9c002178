"""The same processes, in orders that hypothesis thinks of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from mutants import MUTANTS
from simulating import PLANS

from leverframe.testing.calm import come_to_rest
from leverframe.testing.database import Violation
from leverframe.testing.running import Plan, begin
from leverframe.testing.schedule import spans_of
from leverframe.testing.world import Trouble, World

PLAN = PLANS["run"](0)

ACTORS = sorted({action.who for action in PLAN.schedule() if action.kind == "step"})
SLOTS = sorted({actor.partition(".")[0] for actor in ACTORS})

SPANS = st.sampled_from(spans_of(PLAN.lease))
OTHERS = st.lists(st.sampled_from(ACTORS) | SPANS, max_size=4).map(tuple)


class Wrong(AssertionError):
    """What must never be seen was seen."""


class Processes(RuleBasedStateMachine):
    """Processes of one world."""

    plan: Plan
    world: World
    is_wrong = False

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        self.plan = PLANS["run"](seed)
        self.world = begin(self.plan)

    @rule(actor=st.sampled_from(ACTORS), others=OTHERS, late=st.booleans())
    def step(self, actor: str, others: tuple[str | int, ...], late: bool) -> None:
        self._do(lambda: self.world.step(actor, Trouble(others=others, late=late)))

    @rule(actor=st.sampled_from(ACTORS), statements=st.integers(0, 14))
    def kill_in_a_step(self, actor: str, statements: int) -> None:
        self._do(lambda: self.world.step(actor, Trouble(statements)))

    @rule(actor=st.sampled_from(ACTORS), late=st.booleans())
    def fail(self, actor: str, late: bool) -> None:
        self._do(lambda: self.world.step(actor, Trouble(fails=True, late=late)))

    @rule(span=SPANS)
    def let_time_pass(self, span: int) -> None:
        self.world.advance(span)

    @rule(slot=st.sampled_from(SLOTS))
    def freeze(self, slot: str) -> None:
        self.world.freeze(slot)

    @rule(slot=st.sampled_from(SLOTS))
    def thaw(self, slot: str) -> None:
        self.world.thaw(slot)

    def _do(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Violation as violation:
            self.is_wrong = True
            raise Wrong("\n".join((*self.world.trace, str(violation)))) from None

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if not self.is_wrong:
                self._do(lambda: come_to_rest(self.world, self.plan.instances, self.plan.within))
        finally:
            self.world.close()


def settings_of(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def test_nothing_goes_wrong_in_any_order() -> None:
    """Whatever order hypothesis thinks of, nothing goes wrong."""
    run_state_machine_as_test(Processes, settings=settings_of(25, 40))


@pytest.mark.parametrize("name", ["completion_not_fenced", "time_by_the_workers_own_clock", "ready_work_lost"])
def test_a_fault_is_seen_by_hypothesis(name: str) -> None:
    """Faults in the real code are seen in such orders, too."""
    with MUTANTS[name].fault(), pytest.raises(Wrong):
        run_state_machine_as_test(Processes, settings=settings_of(100, 40))

"""Whatever is killed and whenever, between any two writes to the store, a run ends with the same invariants.

hypothesis plays a run: it chooses the settings, who acts next, and where the driver dies. `played/` has the parts.
"""

from typing import get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from store.runs.run_state import DesiredState
from store.settings import SchedulingRule

from .played.run import PlayedRun, Settings

SAMPLERS = st.integers(0, 1)
RULES = get_args(SchedulingRule)


class Disturbances(RuleBasedStateMachine):
    """The driver polls and dies; samplers lease, write, swap, hang and die; a user pauses, stops and asks for more."""

    run: PlayedRun | None = None

    @initialize(
        chosen=st.builds(
            Settings,
            lead=st.integers(0, 3),
            quorum=st.sampled_from([None, 0.5, 1.0]),
            target=st.integers(0, 4),
            problems=st.integers(1, 4),
            rule=st.sampled_from(RULES),
            measures_base=st.booleans(),
            heldout=st.integers(1, 3),
            budget=st.sampled_from([0, 5]),
            promotion=st.sampled_from(["better", "not_worse", "always"]),
            has_warm_start=st.booleans(),
            mode=st.just("self_training"),
            swap_wait_s=st.sampled_from([0.0, 20.0]),
        )
        | st.builds(
            Settings,
            lead=st.integers(0, 2),
            quorum=st.none(),
            target=st.integers(1, 3),
            problems=st.just(1),
            rule=st.just(RULES[0]),
            measures_base=st.booleans(),
            heldout=st.just(1),
            budget=st.just(0),
            promotion=st.just("better"),
            has_warm_start=st.just(True),
            mode=st.just("demonstrations_only"),
            swap_wait_s=st.just(20.0),
        )
    )
    def start(self, chosen: Settings) -> None:
        self.run = PlayedRun(chosen)

    # ---------------------------------------------------------------- driver and user

    @rule()
    def poll(self) -> None:
        self.run.poll()

    @rule(rounds=st.integers(1, 6))
    def go_on_undisturbed(self, rounds: int) -> None:
        for _ in range(rounds):
            self.run.go_on()

    @rule()
    def kill_the_driver_between_two_writes(self) -> None:
        self.run.driver.kill()

    @rule(moments_left=st.integers(0, 6))
    def kill_the_driver_at_a_write(self, moments_left: int) -> None:
        self.run.poll(moments_left)

    @rule(desired=st.sampled_from([DesiredState.PAUSED, DesiredState.STOPPED, DesiredState.RUNNING]))
    def request(self, desired: DesiredState) -> None:
        self.run.store.run.set_desired(desired)

    @precondition(lambda self: self.run.most_asked < 5)
    @rule(more=st.integers(0, 2))
    def ask_for_more(self, more: int) -> None:
        self.run.ask_for_more(more)

    # ---------------------------------------------------------------- samplers

    @rule(sampler=SAMPLERS, attempts=st.integers(1, 6))
    def lease(self, sampler: int, attempts: int) -> None:
        self.run.samplers[sampler].lease(attempts, self.run.settings.swap_wait_s)

    @rule(sampler=SAMPLERS, count=st.integers(1, 6))
    def write(self, sampler: int, count: int) -> None:
        self.run.samplers[sampler].write(count)

    @rule(sampler=SAMPLERS)
    def swap(self, sampler: int) -> None:
        self.run.samplers[sampler].swap()

    @rule(sampler=SAMPLERS)
    def hang(self, sampler: int) -> None:
        self.run.samplers[sampler].hang()

    @rule(sampler=SAMPLERS, releases=st.booleans())
    def restart(self, sampler: int, releases: bool) -> None:
        self.run.samplers[sampler].restart(releases=releases)

    @rule(seconds=st.sampled_from([1.0, 11.0, 100.0]))
    def pass_time(self, seconds: float) -> None:
        self.run.now_s += seconds

    # ---------------------------------------------------------------- what must hold

    @invariant()
    def no_iteration_is_opened_beyond_the_gate(self) -> None:
        if self.run is not None:
            self.run.check_the_gate()

    def teardown(self) -> None:
        if self.run is None:
            return
        try:
            self.run.finish()
            self.run.check_the_gate()
            self.run.check_the_end()
        finally:
            self.run.close()


Disturbances.TestCase.settings = settings(
    max_examples=14,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
test_a_run_ends_the_same_whatever_was_killed = Disturbances.TestCase

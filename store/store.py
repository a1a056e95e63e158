"""The store: the one place that problems, policies, rollouts and figures are kept, behind one object."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session

from store import (
    evaluations,
    importing,
    iterations,
    labels,
    left_out,
    policies,
    problems,
    replay,
    retention,
    reviews,
    run_state,
    scheduling,
    selection,
    stats,
    unused,
)
from store.among import among
from store.audit import AuditSettings, Equal, Hear, Proposal, audit
from store.database import connect, masked, parse_url, transaction
from store.errors import StoreError
from store.evaluations import EvaluationRun, SampledAnswer
from store.export.settings import ExportReport, ExportSettings, Messages
from store.iterations import Iteration
from store.locations import Locations
from store.models import AssignmentRow, RolloutRow
from store.patience import patient, persist, tried_again
from store.problems import BATCH
from store.records import (
    Assignment,
    Evaluation,
    ImportReport,
    LabelChange,
    LeftOut,
    Outcome,
    Policy,
    Problem,
    Purpose,
    ReviewStatus,
    Rollout,
    Sampling,
    Split,
)
from store.reviews import AnswersMissingError, Judge, Rescored, Review
from store.rollout_rows import PreparedRollout, prepare
from store.run_state import ActualState, DesiredState, RunState
from store.schema import ensure_schema
from store.settings import RetentionSettings, SelectionSettings
from store.stats import StoreStats

PATIENCE_S = 60.0  # a server restarts in less


@patient
class Store:
    """A store in SQLite or PostgreSQL, opened by URL; safe to use from several threads and processes.

    Each method is one transaction: when it returned, what it wrote is on the disk; when it raised, nothing was written.
    Every method may raise `StoreUnreachableError` or `StoreBusyError` when the database fails it. While a PostgreSQL
    server is away, methods that return (and do not stream) try again for `patience_s` seconds.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float], patience_s: float = PATIENCE_S) -> None:
        self._engine = engine
        self._clock = clock
        self.patience_s = patience_s
        self._locations = Locations(engine.url)

    @classmethod
    def open(
        cls,
        url: str,
        create: bool = True,
        clock: Callable[[], float] = time.time,
        patience_s: float = PATIENCE_S,
        wait: bool = False,
    ) -> Self:
        """Opens the store and brings its tables up to date; several processes may do so at once.

        Args:
            url: `sqlite:///path` or `postgresql://user:password@host/database`.
            create: make the tables (and the SQLite file) where there are none.
            clock: the time in Unix seconds, for leases and for what is dated.
            patience_s: how long a server that goes away later is waited for.
            wait: wait as long for one that is away now; whoever sits before a screen wants to be told.

        Raises:
            StoreError: one of its family, with a message of one line that says what would be right.
        """
        parsed = parse_url(url)
        engine = persist(lambda: _connect(parsed, create=create), patience_s if wait else 0.0)
        return cls(engine, clock, patience_s)

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL to open this store with in any process on any folder; holds the password."""
        return self._engine.url.render_as_string(hide_password=False)

    @property
    def masked_url(self) -> str:
        """The URL as it may be shown."""
        return masked(self._engine.url)

    def _read(self) -> AbstractContextManager[Session]:
        return transaction(self._engine, write=False)

    def _write(self) -> AbstractContextManager[Session]:
        return transaction(self._engine, write=True)

    def is_empty(self) -> bool:
        """Whether it holds neither problems nor policies: nothing of any run."""
        with self._read() as session:
            return unused.is_empty(session)

    def empty(self) -> None:
        """Takes away what a run left that ended before it had a policy. Raises `StoreError` if there is one."""
        with self._write() as session:
            unused.empty(session)

    # Problems

    def import_problems(self, new: Iterable[Problem], name: str = "") -> ImportReport:
        """Adds those whose `split_key` is new and that are not like a held-out problem; all or, at an exception, none.

        Held-out ones go first, and stored training problems that one of them equals or nearly equals are trained on no
        more. Streams: memory does not grow with their number, and other processes can write to the store while `new` is
        read. `name` is kept with the figures.

        Raises:
            InvalidProblemError: a text is empty, or two problems share an id.
        """
        with importing.Spool() as spool:
            spool.fill(new)
            return self._store_spool(spool, name)

    @tried_again
    def _store_spool(self, spool: importing.Spool, name: str) -> ImportReport:
        with self._write() as session:
            return importing.store_spool(session, spool, name, self._clock())

    def add_problems(self, new: Iterable[Problem]) -> int:
        """`import_problems`, for those who only want to know how many were added."""
        return self.import_problems(new).added

    def left_out_count(self) -> int:
        """How many problems were left out of imports."""
        with self._read() as session:
            return left_out.count_left_out(session)

    def left_out(self, limit: int | None = None) -> Iterator[LeftOut]:
        """Streams what imports left out or withdrew because it is like a held-out problem, the latest import first."""
        with self._read() as session:
            yield from left_out.read_left_out(session, limit)

    def change_label(self, problem_id: str, answer: str, by: str, reason: str) -> bool:
        """Gives a problem another reference answer and keeps the old one; False if it was that already."""
        with self._write() as session:
            return labels.change_label(session, problem_id, answer, by, reason, self._clock())

    def label_history(self, problem_id: str) -> list[LabelChange]:
        """Who or what changed the answer of a problem, when and why, the oldest change first."""
        with self._read() as session:
            return labels.label_history(session, problem_id)

    def problem_counts(self) -> dict[str, int]:
        """{"train": n, "heldout": n, "excluded": n}."""
        with self._read() as session:
            return problems.problem_counts(session)

    def problems(
        self, split: Split | None = None, limit: int | None = None, source: str | None = None
    ) -> Iterator[Problem]:
        """Streams problems in an order that is random and always the same."""
        with self._read() as session:
            yield from problems.iterate_problems(session, split, limit, source)

    def problem(self, problem_id: str) -> Problem:
        """Raises `UnknownRecordError` where there is none."""
        with self._read() as session:
            return problems.get_problem(session, problem_id)

    def problems_by_key(self, split_keys: Sequence[str]) -> dict[str, Problem]:
        """The problems with these split keys, by key; for matching demonstrations to problems."""
        with self._read() as session:
            return problems.find_by_split_keys(session, split_keys)

    # Reviews

    def audit(
        self, settings: AuditSettings, equal: Equal, by: str = "audit", hear: Hear = lambda done, total: None
    ) -> tuple[list[Proposal], int]:
        """Looks for labels that are likely wrong and opens a review for each; (what is in doubt, how many are new).

        What was rejected is not named again, unless the label or what attempts agree on is another one by now.
        `equal` tells whether two answers are the same; `hear` is told how many of how many problems were looked at.
        """
        with self._read() as session:
            found = reviews.respelled(session, audit(session, settings, equal, hear), equal)
        with self._write() as session:
            opened = reviews.propose(session, found, by, self._clock())
            in_doubt = reviews.problems_in_doubt(session)
        return [proposal for proposal in found if proposal.problem_id in in_doubt], opened

    def propose(self, proposals: Iterable[Proposal], by: str) -> int:
        """Opens a review for each proposal that is new and returns how many are; decided ones stay decided."""
        with self._write() as session:
            return reviews.propose(session, proposals, by, self._clock())

    def reviews(
        self, status: ReviewStatus | None = None, limit: int | None = None, problem_id: str | None = None
    ) -> list[Review]:
        """Reviews, the surest first."""
        with self._read() as session:
            return reviews.reviews(session, status, limit, problem_id)

    def review_counts(self) -> dict[str, int]:
        """{"open": n, "accepted": n, "rejected": n}."""
        with self._read() as session:
            return reviews.review_counts(session)

    def review(self, review_id: int) -> Review:
        """Raises `UnknownRecordError` where there is none."""
        with self._read() as session:
            return reviews.get_review(session, review_id)

    def reject_review(self, review_id: int, by: str, reason: str) -> None:
        """The label stays. Raises `ReviewDecidedError` if the correction was accepted."""
        with self._write() as session:
            reviews.reject(session, review_id, by, reason, self._clock())

    def accept_review(self, review_id: int, by: str, reason: str, judge: Judge) -> Rescored:
        """Corrects the label and judges the problem's rollouts by it, in one transaction; again, it changes nothing.

        Answers are judged before the transaction, so that nobody waits for that.

        Raises:
            ReviewDecidedError: it was rejected, or the label has been changed by something else since.
        """
        outcomes: dict[str, Outcome] = {}
        while True:
            with self._read() as session:
                review = reviews.get_review(session, review_id)
                answers = reviews.answers_to_judge(session, review_id)
            outcomes |= judge(review.proposed_answer, sorted(answers - outcomes.keys()))
            try:
                with self._write() as session:
                    return reviews.accept(session, review_id, by, reason, outcomes, self._clock())
            except AnswersMissingError:
                continue  # a sampler wrote meanwhile

    # Iterations and their assignments

    def open_iteration(self, number: int, policy_version: int, config: Mapping[str, Any] | None = None) -> None:
        """Opens an iteration; one that is open already stays as it is."""
        with self._write() as session:
            iterations.open_iteration(session, number, policy_version, config or {}, self._clock())

    def close_iteration(self, number: int, metrics: Mapping[str, Any]) -> None:
        """Closes an iteration with what it came to.

        Raises:
            IterationUnfinishedError: rollouts of it are missing.
        """
        with self._write() as session:
            iterations.close_iteration(session, number, metrics, self._clock())

    def iterations(self) -> list[Iteration]:
        """All, by number, with their progress."""
        with self._read() as session:
            return iterations.iterations(session)

    def schedule_training(
        self,
        iteration: int,
        problems: int,
        samples: int,
        sampling: Sampling,
        rule: str = "fewest_attempts_first",
        seed: int = 0,
    ) -> int:
        """Schedules `samples` attempts at each of `problems` training problems, or at all if there are fewer.

        Returns the number of rollouts of the iteration. One that was scheduled before keeps what it has, so that a
        resumed run goes on with it. `rule` is a key of `store.scheduling.RULES`.
        """
        with self._write() as session:
            return scheduling.schedule_training(session, iteration, problems, samples, sampling, rule, seed)

    def schedule_evaluation(
        self,
        policy_version: int,
        benchmark: str,
        *,
        samples: int = 1,
        sampling: Sampling,
        problem_ids: Sequence[str] | None = None,
        split: Split = Split.HELDOUT,
        limit: int | None = None,
    ) -> int:
        """Schedules an evaluation on the given problems, or on `limit` of a split (the same for every policy).

        Returns its id. The same policy, benchmark, sampling and number of samples again is the same evaluation.
        """
        with self._write() as session:
            return evaluations.open_evaluation(
                session, policy_version, benchmark, samples, sampling, problem_ids, split, limit, self._clock()
            )

    def lease(
        self,
        owner: str,
        limit: int,
        ttl_s: float,
        policy_version: int | None = None,
        purpose: Purpose | None = None,
    ) -> list[Assignment]:
        """Up to `limit` assignments for `owner` alone, for `ttl_s` seconds; evaluations first.

        `owner` must be another name for each life of a sampler. With `policy_version`, evaluations of other versions
        are left alone; with `purpose`, all work for another one.
        """
        with self._write() as session:
            return scheduling.lease(session, owner, limit, ttl_s, policy_version, self._clock(), purpose)

    def extend_leases(self, owner: str, assignment_ids: Collection[int], ttl_s: float) -> int:
        """Holds those of these that the owner still has for `ttl_s` seconds from now; returns their number.

        By id: a lease of which the answer was lost on its way is nobody's, and must end.
        """
        with self._write() as session:
            return scheduling.extend_leases(session, owner, assignment_ids, ttl_s, self._clock())

    def release_leases(self, owner: str) -> int:
        """Gives back what the owner holds; returns the number of assignments."""
        with self._write() as session:
            return scheduling.release_leases(session, owner)

    def progress(self, iteration: int) -> tuple[int, int]:
        """(done, scheduled) rollouts of an iteration."""
        with self._read() as session:
            return scheduling.progress(session, AssignmentRow.iteration == iteration)

    # Rollouts

    def add_rollouts(self, rollouts: Iterable[Rollout]) -> int:
        """Writes those that are not in the store yet, counts them for their assignments, returns how many were new.

        Raises:
            InvalidRolloutError: one contradicts itself, its assignment or its problem; then none is written.
        """
        return self._add_prepared(prepare(rollouts))

    @tried_again
    def _add_prepared(self, prepared: Sequence[PreparedRollout]) -> int:
        """A transaction of its own: others may write while rollouts are prepared."""
        with self._write() as session:
            return replay.add_rollouts(session, prepared, self._clock())

    def rollouts(
        self,
        *,
        purpose: Purpose | None = None,
        outcome: Outcome | None = None,
        iteration: int | None = None,
        policy_version: int | None = None,
        problem_id: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Rollout]:
        """Streams whole rollouts in the order in which they were written. `policy_version` is that of the last span."""
        wanted = {
            RolloutRow.purpose: purpose,
            RolloutRow.outcome: outcome,
            RolloutRow.iteration: iteration,
            RolloutRow.policy_version: policy_version,
            RolloutRow.problem_id: problem_id,
        }
        where = [column == value for column, value in wanted.items() if value is not None]
        with self._read() as session:
            yield from replay.read_rollouts(session, where, limit, newest_first=newest_first)

    def rollouts_by_id(self, ids: Sequence[str]) -> list[Rollout]:
        """Those of these ids that are in the store, in the order in which they were written."""
        with self._read() as session:
            return list(replay.read_rollouts(session, [among(RolloutRow.id, ids)]))

    def sample_rollouts(
        self, limit: int, outcome: Outcome | None = None, purpose: Purpose | None = None
    ) -> list[tuple[Problem, Rollout]]:
        """The newest few solutions with their problems, to read."""
        newest = list(self.rollouts(purpose=purpose, outcome=outcome, limit=limit, newest_first=True))
        return [(self.problem(rollout.problem_id), rollout) for rollout in newest]

    def thin(self, settings: RetentionSettings | None = None) -> int:
        """Takes away rejected rollouts that the rule does not keep; returns how many.

        What stands in a training set stays, and so does what a review rests on. A transaction for every few hundred
        problems: others can write meanwhile, and a thinning that is cut off goes on when it is asked for again.
        """
        with self._read() as session:
            batches = retention.problem_batches(session)
        thinned = 0
        for batch in batches:
            with self._write() as session:
                thinned += retention.thin(session, batch, settings or RetentionSettings())
        return thinned

    def export(
        self, target: Path, settings: ExportSettings, messages: Messages, hear: Hear = lambda done, total: None
    ) -> ExportReport:
        """Writes rollouts to a new folder as a data set, or goes on with one that was cut off; see `store.export`.

        Raises:
            ExportTargetError: `target` exists, cannot be written, or is being written by another process.
            NothingToExportError: no rollout meets the settings.
        """
        from store.export.folder import export  # imports pyarrow, which is slow

        return export(self._read, self.masked_url, target, settings, messages, hear)

    # Training sets

    def select_training_set(self, policy_version: int, settings: SelectionSettings | None = None) -> int:
        """Chooses what is to train `policy_version`, stores the choice, returns the training set's id.

        Raises:
            NothingToScheduleError: there is nothing to choose.
            HeldOutLeakError: a held-out problem came through; nothing is stored.
        """
        with self._write() as session:
            chosen = settings or SelectionSettings()
            return selection.select_training_set(session, policy_version, chosen, self._clock())

    def training_set_size(self, training_set_id: int) -> int:
        """Its number of samples, repeated demonstrations counted as often as they stand in it."""
        with self._read() as session:
            return selection.training_set_size(session, training_set_id)

    def training_samples(self, training_set_id: int, rank: int = 0, world_size: int = 1) -> Iterator[Rollout]:
        """Streams the samples in their shuffled order; of several ranks each gets every `world_size`-th.

        A transaction for each few hundred: a slow learner holds nothing open.
        """
        positions = range(rank, self.training_set_size(training_set_id), world_size)
        for start in range(0, len(positions), BATCH):
            yield from self._samples_at(training_set_id, positions[start : start + BATCH])

    @tried_again
    def _samples_at(self, training_set_id: int, positions: range) -> list[Rollout]:
        with self._read() as session:
            return list(selection.read_samples(session, training_set_id, positions))

    def trained_on(self, policy_version: int) -> list[str]:
        """The ids of the rollouts that a policy was trained on."""
        with self._read() as session:
            return selection.trained_on(session, policy_version)

    def policies_trained_on(self, rollout_id: str) -> list[int]:
        """The versions of the policies that learned from a rollout."""
        with self._read() as session:
            return selection.policies_trained_on(session, rollout_id)

    # Policies

    def next_version(self) -> int:
        """A version number from 1 up that was never handed out before."""
        with self._write() as session:
            return policies.next_version(session)

    def add_policy(self, policy: Policy) -> None:
        """Records a published checkpoint; the same one again changes nothing.

        A path beside a store in a file is kept in relation to it, so that the folder of a run can be moved.
        """
        with self._write() as session:
            kept = replace(policy, path=self._locations.keep(policy.path))
            policies.add_policy(session, kept, self._clock())

    def policy(self, version: int) -> Policy:
        """Raises `UnknownPolicyError` where there is none."""
        with self._read() as session:
            return self._found(policies.get_policy(session, version))

    def policies(self) -> list[Policy]:
        """All, by version; `promoted` is true of the one that is served."""
        with self._read() as session:
            return [self._found(policy) for policy in policies.policies(session)]

    def promote(self, version: int) -> None:
        """From now on this version is the one that is served."""
        with self._write() as session:
            policies.promote(session, version, self._clock())

    def latest(self) -> Policy | None:
        """The policy with the highest version."""
        with self._read() as session:
            version = policies.latest_version(session)
            return None if version is None else self._found(policies.get_policy(session, version))

    def promoted(self) -> Policy | None:
        """The policy that is served."""
        with self._read() as session:
            version = policies.promoted_version(session)
            return None if version is None else self._found(policies.get_policy(session, version))

    def _found(self, policy: Policy) -> Policy:
        return replace(policy, path=self._locations.find(policy.path))

    def promotions(self) -> list[int]:
        """The versions that were promoted, in that order; the last one is served."""
        with self._read() as session:
            return policies.promotions(session)

    # Evaluations

    def evaluation_progress(self, evaluation_id: int) -> tuple[int, int]:
        """(done, scheduled) rollouts of an evaluation."""
        with self._read() as session:
            return scheduling.progress(session, AssignmentRow.evaluation_id == evaluation_id)

    def evaluation(self, evaluation_id: int) -> EvaluationRun:
        """Raises `UnknownRecordError` where there is none."""
        with self._read() as session:
            return evaluations.get_evaluation(session, evaluation_id)

    def evaluation_answers(self, evaluation_id: int) -> dict[str, list[SampledAnswer]]:
        """The attempts by problem id, each list in the order of the samples."""
        with self._read() as session:
            return evaluations.evaluation_answers(session, evaluation_id)

    def benchmark_answers(self, policy_version: int, benchmark: str) -> dict[str, list[SampledAnswer]]:
        """A policy's attempts at a benchmark, as last measured on each problem, by problem id."""
        with self._read() as session:
            return evaluations.benchmark_answers(session, policy_version, benchmark)

    def finish_evaluation(self, evaluation_id: int, metrics: Mapping[str, float], n: int) -> None:
        """Stores the figures over `n` problems; finishing again replaces them."""
        with self._write() as session:
            evaluations.finish_evaluation(session, evaluation_id, metrics, n, self._clock())

    def evaluations(self) -> list[Evaluation]:
        """Every figure, by policy version."""
        with self._read() as session:
            return evaluations.evaluations(session)

    def unfinished_evaluations(self) -> list[EvaluationRun]:
        """Those that a crash or a stop left without figures."""
        with self._read() as session:
            return evaluations.unfinished_evaluations(session)

    # The run

    def set_desired_state(self, desired: DesiredState | str) -> None:
        """Asks the driver to run, to pause or to stop."""
        value = DesiredState(desired).value
        with self._write() as session:
            run_state.state_row(session, lock=True).desired = value

    def desired_state(self) -> DesiredState:
        """What the driver is asked to do."""
        return self.run_state().desired

    def set_actual_state(
        self, actual: ActualState | str, *, iteration: int | None = None, checkpoint: str | None = None
    ) -> None:
        """What the driver does, with a heartbeat; an iteration or checkpoint that is not given stays as it was."""
        value = ActualState(actual).value
        with self._write() as session:
            row = run_state.state_row(session, lock=True)
            row.actual, row.heartbeat_at = value, self._clock()
            if iteration is not None:
                row.iteration = iteration
            if checkpoint is not None:
                row.checkpoint = self._locations.keep(checkpoint)

    def heartbeat(self) -> None:
        """The driver lives."""
        with self._write() as session:
            run_state.state_row(session, lock=True).heartbeat_at = self._clock()

    def run_state(self) -> RunState:
        """What the run is asked to do, what it does, and where it can go on from."""
        with self._read() as session:
            state = run_state.read_run_state(session)
        checkpoint = None if state.checkpoint is None else self._locations.find(state.checkpoint)
        return replace(state, checkpoint=checkpoint)

    def stats(self) -> StoreStats:
        """The store in numbers."""
        with self._read() as session:
            return stats.read_stats(session)

    def outcomes_by_iteration(self, number: int | None = None) -> dict[int, dict[str, int]]:
        """Training rollouts by iteration (of one alone, with `number`) and outcome; what did not occur is left out."""
        with self._read() as session:
            return stats.outcomes_by_iteration(session, number)

    def blocks_run(self, iteration: int) -> int:
        """Code blocks that the training rollouts of an iteration ran."""
        with self._read() as session:
            return stats.blocks_run(session, iteration)


def _connect(url: URL, *, create: bool) -> Engine:
    """An engine on a database whose tables are up to date."""
    engine = connect(url, create=create)
    try:
        ensure_schema(engine, create=create)
    except StoreError:
        engine.dispose()
        raise
    return engine

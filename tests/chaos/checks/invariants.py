"""What must hold in the store of a run when its iterations are done, whatever struck it meanwhile.

Each check returns a line for each violation. `machine.py` has those of what a run leaves on the machine.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from learner.publication import MANIFEST, checksum, is_complete
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, is_url, join, name_of
from store.database.connection import connect
from store.database.tables import (
    AssignmentRow,
    IterationRow,
    PolicyRow,
    ProblemRow,
    RolloutRow,
    RunStateRow,
    TrainingSetRow,
)
from store.database.urls import parse_url
from store.outcomes import COUNTED
from store.records import Outcome, Policy, Purpose
from store.store import Store
from tests.chaos.checks.journal import Journal, digest


def check_store(
    url: str, folder: Path, journal: Journal, *, iterations: int, lead: int, is_pruned: bool = False
) -> list[str]:
    """All violations in the store at `url` and in the run's folder."""
    journal.read()
    found = check_end(url, folder, iterations=iterations, lead=lead)
    engine = connect(parse_url(url), create=False)
    with Session(engine) as session:
        found += acknowledged_are_kept(session, journal, is_pruned=is_pruned)
        found += versions_are_used_once(session, journal)
    engine.dispose()
    return found


def check_end(url: str, artifacts: Location, *, iterations: int, lead: int) -> list[str]:
    """The violations that the end of a run shows by itself, to one who did not follow it with a journal.

    `artifacts` is where the run keeps its policies: its folder, or a URL.
    """
    engine = connect(parse_url(url), create=False)
    with Session(engine) as session:
        found = [
            *iterations_are_done(session, iterations),
            *rollouts_are_there_once(session),
            *counters_are_right(session),
            *lag_is_bounded(session, lead),
        ]
    engine.dispose()
    with Store.open(url, create=False) as store:
        found += policies_are_whole(store, artifacts)
    return found


def iterations_are_done(session: Session, asked: int) -> Iterator[str]:
    """The iterations that were asked for are closed, and no other was opened."""
    numbers = {row.number: row.closed_at for row in session.scalars(select(IterationRow))}
    if sorted(numbers) != list(range(1, asked + 1)):
        yield f"iterations {sorted(numbers)} were opened, not those to {asked}"
    yield from (f"iteration {number} is open" for number, closed_at in numbers.items() if closed_at is None)
    target = session.scalar(select(RunStateRow.target_iterations))
    if target != asked:
        yield f"the store says that {target} iterations were asked for, not {asked}"


def rollouts_are_there_once(session: Session) -> Iterator[str]:
    """Every scheduled sample, of iterations and of evaluations, has one rollout."""
    samples = RolloutRow.assignment_id, RolloutRow.sample_index
    twice = select(*samples).where(samples[0].is_not(None)).group_by(*samples).having(func.count() > 1)
    yield from (f"sample {index} of assignment {number} is there twice" for number, index in session.execute(twice))
    written = dict(session.execute(select(samples[0], func.count()).group_by(samples[0])).all())
    missing: Counter[str] = Counter()
    for row in session.scalars(select(AssignmentRow)):
        count = written.get(row.id, 0)
        if count != row.done:
            yield f"assignment {row.id} counts {row.done} rollouts and has {count}"
        reason = f"evaluation {row.evaluation_id}" if row.iteration is None else f"iteration {row.iteration}"
        missing[reason] += row.samples - count
    yield from (f"{reason} lacks {count} of its rollouts" for reason, count in missing.items() if count)


def acknowledged_are_kept(session: Session, journal: Journal, *, is_pruned: bool) -> Iterator[str]:
    """What the journal once read is there, and the same. With a rule for pruning, rejected ones may be gone."""
    yield from (f"{what} changed after it was acknowledged" for what in journal.changed)
    columns = RolloutRow.id, RolloutRow.outcome, RolloutRow.token_ids, RolloutRow.spans
    kept = {row.id: digest(row.outcome, row.token_ids, row.spans) for row in session.execute(select(*columns))}
    lost = journal.rollouts.keys() - kept.keys()
    if lost and not is_pruned:
        yield f"{len(lost)} acknowledged rollouts are lost: {sorted(lost)[:5]}"
    different = [key for key in journal.rollouts.keys() & kept.keys() if journal.rollouts[key] != kept[key]]
    if different:
        yield f"{len(different)} acknowledged rollouts differ now: {sorted(different)[:5]}"


def counters_are_right(session: Session) -> Iterator[str]:
    """The counters of the problems equal a recount of their training rollouts."""
    counts = select(RolloutRow.problem_id, RolloutRow.outcome, func.count()).where(RolloutRow.purpose == Purpose.TRAIN)
    judged: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for problem, outcome, count in session.execute(counts.group_by(RolloutRow.problem_id, RolloutRow.outcome)):
        judged[problem] += count * (outcome in COUNTED)
        accepted[problem] += count * (outcome is Outcome.ACCEPTED)
    for row in session.scalars(select(ProblemRow)):
        if (row.judged, row.accepted) != (judged[row.id], accepted[row.id]):
            yield f"{row.id} counts {row.accepted} of {row.judged}; a recount is {accepted[row.id]} of {judged[row.id]}"


def lag_is_bounded(session: Session, lead: int) -> Iterator[str]:
    """No rollout is by a policy that more than `lead` trainings separate from the one that its iteration trains."""
    query = select(RolloutRow.lag, func.count()).where(RolloutRow.lag > lead).group_by(RolloutRow.lag)
    yield from (f"{count} rollouts have a lag of {lag}, more than {lead}" for lag, count in session.execute(query))
    unknown = select(func.count()).where(RolloutRow.lag.is_(None), RolloutRow.purpose == Purpose.TRAIN)
    if count := session.scalar(unknown.select_from(RolloutRow)):
        yield f"{count} rollouts have no lag"


def versions_are_used_once(session: Session, journal: Journal) -> Iterator[str]:
    """No two policies share a folder, weights or a training set, and each iteration trained one policy."""
    policies = session.scalars(select(PolicyRow).order_by(PolicyRow.version)).all()
    for name in ("path", "checksum", "training_set_id", "iteration"):
        values = Counter(getattr(policy, name) for policy in policies if policy.parent is not None)
        yield from (f"{count} policies have the {name} {value}" for value, count in values.items() if count > 1)
    versions = {policy.version for policy in policies}
    if gone := sorted(journal.policies.keys() - versions):
        yield f"policies {gone} are gone"
    reserved = session.scalar(select(RunStateRow.last_version)) or 0
    if max(versions, default=0) > reserved:
        yield f"policy {max(versions)} is published, and the last version reserved is {reserved}"
    sets = {row.id: row.policy_version for row in session.scalars(select(TrainingSetRow))}
    for policy in policies:
        if policy.training_set_id is not None and sets.get(policy.training_set_id) != policy.version:
            yield f"policy {policy.version} has training set {policy.training_set_id} of another policy"


def policies_are_whole(store: Store, artifacts: Location) -> Iterator[str]:
    """Each policy's folder has the files of its manifest and the checksum of its row, and there is no other folder."""
    policies = [policy for policy in store.policies.all() if not policy.is_pruned]
    for policy in policies:
        if not is_complete(policy.path):
            yield f"the folder of policy {policy.version} is not whole: {policy.path}"
        elif policy.checksum is not None and checksum(policy.path) != policy.checksum:
            yield f"the folder of policy {policy.version} has another checksum than its row"
        else:
            yield from (f"policy {policy.version}: {name} differs from its manifest" for name in _differing(policy))
    place = join(artifacts, "policies")
    there = folder_at(place).folders() if is_url(place) else os.listdir(place)  # hidden ones too
    known = {name_of(policy.path) for policy in policies}
    yield from (f"{join(place, name)} belongs to no policy" for name in sorted(there) if name not in known)


def _differing(policy: Policy) -> Iterator[str]:
    folder = folder_at(policy.path)
    for name, entry in json.loads(folder.read(MANIFEST))["files"].items():
        if hashlib.sha256(folder.read(name)).hexdigest() != entry["sha256"]:
            yield name

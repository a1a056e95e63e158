"""A journal of what the store acknowledged while a run went on: what was read once may never be lost or changed.

A thread of its own reads the store over and over, whatever the run does at the time. A store that is away, or does not
exist yet, is read again later.
"""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine, Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from store.database.connection import connect
from store.database.tables import IterationRow, PolicyRow, RolloutRow, RunStateRow, SamplerRow
from store.database.urls import parse_url
from store.errors import StoreError
from store.records import Purpose
from store.runs.samplers import SamplerState

POLL_S = 0.3
OVERLAP = 300  # numbers of rows read again: on PostgreSQL, a row may become visible after one with a higher number

WORKING = (SamplerState.SAMPLING, SamplerState.IDLE, SamplerState.LOADING)


@dataclass(frozen=True, slots=True)
class Seen:
    """A state of the run as the store has it."""

    at: float = 0.0
    written: int = 0  # rollouts
    trained_on: int = 0  # of those, the ones for training
    closed: int = 0  # iterations
    opened: int = 0
    version: int = -1  # of the latest policy
    state: str = ""  # of the driver
    heartbeat_at: float = 0.0
    activity: str = ""
    samplers: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # state and number of starts, by name
    samplers_since: float = 0.0  # the oldest of their states

    @property
    def starts(self) -> int:
        """How many processes of samplers have started."""
        return sum(starts for _, starts in self.samplers.values())

    @property
    def samplers_work(self) -> bool:
        """Whether the engines of all samplers have started."""
        return bool(self.samplers) and all(state in WORKING for state, _ in self.samplers.values())

    @property
    def progress(self) -> tuple[object, ...]:
        """What changes as long as the run gets on."""
        return self.written, self.closed, self.opened, self.version, self.state


class Journal:
    """Rollouts by id and policies by version, each with a digest, from the first time they were read."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="journal", daemon=True)
        self.rollouts: dict[str, str] = {}
        self.policies: dict[int, str] = {}
        self.changed: list[str] = []  # what was read again with another digest
        self.said: list[tuple[float, str]] = []  # what the driver did or waited for, by time
        self._training: set[str] = set()
        self._newest = 0
        self._last_write = 0.0
        self._last_policy = 0.0
        self._seen = Seen()

    def __enter__(self) -> "Journal":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._engine is not None:
            self._engine.dispose()

    @property
    def now(self) -> Seen:
        """What was read last."""
        with self._lock:
            return self._seen

    def judged_since(self, moment: float) -> float | None:
        """When the last rollout was written, if that was after `moment`; else None."""
        return self._last_write if self._last_write > moment else None

    def published_since(self, moment: float) -> float | None:
        """When the last policy was published, if that was after `moment`."""
        return self._last_policy if self._last_policy > moment else None

    def read(self) -> bool:
        """Read what is new; returns whether the store could be read."""
        try:
            if self._engine is None:
                self._engine = connect(parse_url(self._url), create=False)
            with Session(self._engine) as session:
                self._read(session)
        except (SQLAlchemyError, StoreError):
            return False
        return True

    def _follow(self) -> None:
        while not self._ended.is_set():
            self.read()
            self._ended.wait(POLL_S)

    def _read(self, session: Session) -> None:
        for row in session.execute(self._new_rollouts()):
            self._note(self.rollouts, row.id, digest(row.outcome, row.token_ids, row.spans), "rollout")
            self._newest = max(self._newest, row.seq)
            self._last_write = max(self._last_write, row.created_at)
            if row.purpose is Purpose.TRAIN:
                self._training.add(row.id)
        for policy in session.scalars(select(PolicyRow)):
            self._note(self.policies, policy.version, f"{policy.path} {policy.checksum}", "policy")
            self._last_policy = max(self._last_policy, policy.created_at)
        iterations = session.scalars(select(IterationRow)).all()
        samplers = session.scalars(select(SamplerRow)).all()
        run = session.scalar(select(RunStateRow))
        with self._lock:
            self._seen = Seen(
                at=time.time(),
                written=len(self.rollouts),
                trained_on=len(self._training),
                closed=sum(iteration.closed_at is not None for iteration in iterations),
                opened=len(iterations),
                version=max(self.policies, default=-1),
                state=run.actual if run else "",
                heartbeat_at=(run.heartbeat_at if run else None) or 0.0,
                activity=(run.activity if run else None) or "",
                samplers={row.name: (row.state, row.starts) for row in samplers},
                samplers_since=min((row.since for row in samplers), default=0.0),
            )
        self._hear(self._seen.activity)

    def _new_rollouts(self) -> Select:
        columns = RolloutRow.seq, RolloutRow.id, RolloutRow.purpose, RolloutRow.outcome, RolloutRow.created_at
        query = select(*columns, RolloutRow.token_ids, RolloutRow.spans)
        return query.where(RolloutRow.seq > self._newest - OVERLAP).where(RolloutRow.purpose != Purpose.DEMONSTRATION)

    def _note(self, kept: dict, key: object, value: str, what: str) -> None:
        if kept.setdefault(key, value) != value:
            self.changed.append(f"{what} {key}")

    def _hear(self, activity: str) -> None:
        if activity and (not self.said or self.said[-1][1] != activity):
            self.said.append((time.time(), activity))


def digest(outcome: str, token_ids: bytes, spans: bytes) -> str:
    """What must not change of a rollout."""
    return hashlib.sha256(f"{outcome} ".encode() + token_ids + spans).hexdigest()[:16]

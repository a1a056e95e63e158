"""Tables of a run: policies, promotions, iterations, evaluations, and the state of the driver."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId


class PolicyRow(Base):
    """A published checkpoint."""

    __tablename__ = "policies"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    path: Mapped[str]
    training_set_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("training_sets.id"), index=True)
    config: Mapped[dict[str, Any]]  # of the training run that produced it
    metrics: Mapped[dict[str, Any]]
    checksum: Mapped[str | None]  # of the files at `path`
    iteration: Mapped[int | None]  # that trained it; 0: none did, as it is the base or the warm start
    decision: Mapped[str | None] = mapped_column(String(16))  # on its promotion, of `store.records.Decision`
    assessment: Mapped[dict[str, Any] | None]  # what the decision rests on
    created_at: Mapped[float]
    pruned_at: Mapped[float | None]  # when its folder was removed


class PromotionRow(Base):
    """One promotion of a policy; the policy of the last one is served."""

    __tablename__ = "promotions"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"), index=True)
    promoted_at: Mapped[float]
    reason: Mapped[str | None]


class IterationRow(Base):
    """The span between two publications."""

    __tablename__ = "iterations"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    config: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    opened_at: Mapped[float]
    closed_at: Mapped[float | None]


class EvaluationRow(Base):
    """One policy on one benchmark with given sampling parameters. `problems_key` is a hash of the problems' ids."""

    __tablename__ = "evaluations"
    __table_args__ = (
        UniqueConstraint(
            "policy_version",
            "benchmark",
            "temperature",
            "top_p",
            "samples",
            "problems_key",
            name="uq_evaluations_what",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    benchmark: Mapped[str]
    temperature: Mapped[float]
    top_p: Mapped[float]
    samples: Mapped[int]
    problems_key: Mapped[str] = mapped_column(String(32))
    extends: Mapped[int | None] = mapped_column(RowId)  # the evaluation whose attempts are part of this one
    n: Mapped[int | None]  # problems with a score: those of pass@1
    undecided: Mapped[int | None]  # attempts
    unverifiable: Mapped[int | None]  # problems
    created_at: Mapped[float]
    finished_at: Mapped[float | None]


class EvaluationMetricRow(Base):
    """One figure of a finished evaluation. All but the value are NULL in those of schemas before 0005."""

    __tablename__ = "evaluation_metrics"

    evaluation_id: Mapped[int] = mapped_column(RowId, ForeignKey("evaluations.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
    n: Mapped[int | None]  # problems that it is computed over
    standard_error: Mapped[float | None]
    low: Mapped[float | None]  # end of the 95 % interval
    high: Mapped[float | None]
    missing: Mapped[int | None]  # problems that lack samples after system faults


class RunStateRow(Base):
    """The only row: the desired state of the run, its actual state, and where it can resume."""

    __tablename__ = "run_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    desired: Mapped[str] = mapped_column(String(16))
    actual: Mapped[str] = mapped_column(String(16))
    iteration: Mapped[int | None]
    checkpoint: Mapped[str | None]
    heartbeat_at: Mapped[float | None]
    last_version: Mapped[int]  # the highest policy version ever reserved
    target_iterations: Mapped[int | None]  # the number of iterations that were asked for
    target_samplers: Mapped[int | None]  # the number of samplers, if it differs from the configured one
    activity: Mapped[str | None]  # what the driver does or waits for
    activity_since: Mapped[float | None]


class SamplerRow(Base):
    """What a sampler reports of itself; kept after its end, so that a restart can be told from a first start."""

    __tablename__ = "samplers"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # of `store.runs.samplers.SamplerState`
    detail: Mapped[str | None]
    policy_version: Mapped[int | None]  # that its engine holds
    host: Mapped[str | None]
    starts: Mapped[int]
    since: Mapped[float]  # of the state
    reported_at: Mapped[float]
    progress_at: Mapped[float]  # of the last sign of progress: a token, a rollout, a change of state

"""Tables of problems: the problems themselves, imports, exclusions, and the index of held-out questions."""

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import ExclusionKind, Split


class ProblemRow(Base):
    """A question, its label, and counters that scheduling and selection read instead of the rollouts.

    `shuffle_key` is a hash of the id in [0, 2**31 - 1): ordering by it is random, and the same in every database. The
    counters that writers of rollouts update are in no index, so that PostgreSQL can update rows in place (HOT).
    """

    __tablename__ = "problems"
    __table_args__ = (Index(None, "split", "attempts"), Index(None, "split", "shuffle_key"))

    id: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    answer: Mapped[str]
    source: Mapped[str]
    split: Mapped[Split]
    split_key: Mapped[str] = mapped_column(unique=True)
    subject: Mapped[str | None]
    level: Mapped[str | None]
    template_twins: Mapped[str | None]  # of `store.records.TemplateTwins`
    parent_key: Mapped[str | None]  # the `split_key` of the question that this one was made of
    made_by: Mapped[str | None]  # the method
    family_key: Mapped[str | None] = mapped_column(index=True)  # shared by relatives; None: an original's own split key
    shuffle_key: Mapped[int]
    attempts: Mapped[int] = mapped_column(default=0)  # training samples ever scheduled, whatever came of them
    judged: Mapped[int] = mapped_column(
        default=0
    )  # training rollouts ever written that count for or against the policy
    accepted: Mapped[int] = mapped_column(default=0)  # the accepted ones of those
    solutions: Mapped[int] = mapped_column(default=0)  # the size of each pool
    mistakes: Mapped[int] = mapped_column(default=0)
    demonstrations: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)  # rollouts whose solution an earlier rollout has in a pool
    judged_tokens: Mapped[int] = mapped_column(BigInteger, default=0)  # of the judged rollouts, after their prompts
    last_iteration: Mapped[int | None]  # that scheduled it; the rule `by_difficulty` keeps this and the next two
    stale_judged: Mapped[int] = mapped_column(BigInteger, default=0)  # thousandths that no longer counted then
    stale_accepted: Mapped[int] = mapped_column(BigInteger, default=0)


class ImportRow(Base):
    """One import, with the counts of its `ImportReport`."""

    __tablename__ = "imports"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str]
    read: Mapped[int]
    added: Mapped[int]
    known: Mapped[int]  # in the store already, or repeated in the import
    left_out: Mapped[int]
    twins: Mapped[int | None]  # of those left out
    imported_at: Mapped[float]


class ExclusionRow(Base):
    """A problem that is not trained on: a duplicate, near-duplicate or template twin of a held-out one, or a relative.

    A relative has the held-out problem and the similarity of the member of its family that is excluded for itself.
    """

    __tablename__ = "left_out"

    split_key: Mapped[str] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(RowId, ForeignKey("imports.id"), index=True)
    source: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    heldout_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), index=True)
    similarity: Mapped[float] = mapped_column("likeness", key="similarity")  # of the questions; 1: the same words
    kind: Mapped[ExclusionKind | None]  # None: an exclusion from before template twins were compared


class HeldOutBandRow(Base):
    """The index by which imports find held-out near-duplicates of a problem; see `store.problems.similarity`."""

    __tablename__ = "heldout_bands"

    band: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), primary_key=True, index=True)


class HeldOutTemplateRow(Base):
    """The index by which imports find held-out template twins of a problem.

    A template has its bands once, under the first held-out problem that has it. Each later one has a single row, the
    digest of the bands: so a thousand problems of one template cost a training problem one comparison.
    """

    __tablename__ = "heldout_templates"

    band: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), primary_key=True, index=True)

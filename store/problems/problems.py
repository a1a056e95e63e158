"""The store's problems: imported all or none, split by hash, listed in a fixed random order."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import func, select

from store.database.bulk import BATCH
from store.database.database import StorePart
from store.database.retry import retried, retrying
from store.database.tables import ProblemRow
from store.errors import UnknownRecordError
from store.problems.candidates import candidates_after, confirm
from store.problems.exclusions import Nearest, count_exclusions, read_exclusions
from store.problems.heldout_index import Measured, measure, nearest_heldout
from store.problems.importing import Spool, preview_spool, store_spool
from store.problems.queries import (
    PROBLEM_COLUMNS,
    find_by_text,
    find_problems,
    iterate_problems,
    problem_counts,
    sample_sources,
)
from store.records import Exclusion, ImportPreview, ImportReport, Problem, Split


@retrying
class Problems(StorePart):
    """Training, held-out and excluded problems, and the exclusions."""

    def import_new(self, new: Iterable[Problem], name: str = "") -> ImportReport:
        """Add problems whose `split_key` is new and that are not similar to a held-out one: all or, on an error, none.

        Derived problems are added last, if their parents are trained on (`store/problems/families.py`).

        Held-out problems are imported first. Stored training problems that are duplicates or near-duplicates of a new
        held-out one are withdrawn from training. The import streams: memory does not grow with the number of problems,
        and other processes can write to the store while `new` is read. `name` is stored with the counts of the import.

        Raises:
            InvalidProblemError: a text is empty, or two problems share an id.
        """
        with Spool() as spool:
            spool.fill(new)
            return self._store_spool(spool, name)

    @retried
    def _store_spool(self, spool: Spool, name: str) -> ImportReport:
        with self._write() as session:
            return store_spool(session, spool, name, self._now())

    def preview(self, new: Iterable[Problem], size: int = 10) -> ImportPreview:
        """What `import_new` would do with these problems, and the first `size` of them. Nothing is stored.

        The import runs in a transaction that is rolled back, so that it is judged against what the store holds.

        Raises:
            InvalidProblemError: a text is empty, or two problems share an id.
        """
        first: list[Problem] = []
        with Spool() as spool:
            spool.fill(_keeping(first, new, size))
            return self._preview_spool(spool, first)

    @retried
    def _preview_spool(self, spool: Spool, first: list[Problem]) -> ImportPreview:
        with self._write() as session:
            preview = preview_spool(session, spool, first, self._now())
            session.rollback()
        return preview

    def add(self, new: Iterable[Problem]) -> int:
        """`import_new`, returning only how many problems were added."""
        return self.import_new(new).added

    def get(self, problem_id: str) -> Problem:
        """The problem with this id. Raises `UnknownRecordError` if there is none."""
        with self._read() as session:
            row = session.execute(select(*PROBLEM_COLUMNS).where(ProblemRow.id == problem_id)).one_or_none()
        if row is None:
            raise UnknownRecordError(f"there is no problem {problem_id!r} in the store")
        return Problem(*row)

    def find(self, text: str, limit: int) -> list[Problem]:
        """The problem with this id or, if there is none, those whose id or question contains the text."""
        with self._read() as session:
            exact = list(find_problems(session, ProblemRow.id, [text]))
            return exact or find_by_text(session, text, limit)

    def by_split_key(self, split_keys: Sequence[str]) -> dict[str, Problem]:
        """The problems with these split keys, by key; for matching demonstrations to problems."""
        with self._read() as session:
            return {problem.split_key: problem for problem in find_problems(session, ProblemRow.split_key, split_keys)}

    def iterate(
        self, split: Split | None = None, limit: int | None = None, source: str | None = None
    ) -> Iterator[Problem]:
        """Stream problems in an order that is random and always the same."""
        with self._read() as session:
            yield from iterate_problems(session, split, limit, source)

    def candidates(self, page: int = BATCH) -> Iterator[list[Problem]]:
        """Stream the problems whose answers are not confirmed yet; each page is a transaction of its own."""
        after: tuple[int, str] | None = None
        while True:
            with self._read() as session:
                found, after = candidates_after(session, after, page)
            if not found:
                return
            yield found

    def confirm(self, problem_ids: Collection[str]) -> int:
        """Make candidates training problems, and return how many became so; those excluded meanwhile do not."""
        with self._write() as session:
            return confirm(session, problem_ids)

    def counts(self) -> dict[str, int]:
        """{"train": n, "heldout": n, "excluded": n}, and "candidate" if there are any."""
        with self._read() as session:
            return problem_counts(session)

    def counts_by_source(self) -> dict[str, int]:
        """The number of problems by source. Reads all of them."""
        query = select(ProblemRow.source, func.count()).group_by(ProblemRow.source)
        with self._read() as session:
            return dict(session.execute(query).all())

    def nearest_heldout(self, problems: Sequence[Problem]) -> dict[str, Nearest]:
        """The held-out problem by split key, for those of `problems` that are similar to one (`docs/store.md`).

        Nothing is stored: the problems may be those of another store.
        """
        with self._read() as session:
            return nearest_heldout(session, [Measured(problem, measure(problem)) for problem in problems])

    def count_up_to(self, limit: int, split: Split) -> int:
        """The number of problems of a split, or `limit` if there are more; reads no more than these."""
        first = select(ProblemRow.id).where(ProblemRow.split == split).limit(limit).subquery()
        with self._read() as session:
            return session.scalar(select(func.count()).select_from(first)) or 0

    def some_sources(self, problems_per_split: int = 300) -> list[str]:
        """The sources of a random sample of problems, in order: all of them but for the rarest."""
        with self._read() as session:
            return sample_sources(session, problems_per_split)

    def exclusion_count(self) -> int:
        """The number of problems that imports excluded or withdrew."""
        with self._read() as session:
            return count_exclusions(session)

    def exclusions(self, limit: int | None = None) -> Iterator[Exclusion]:
        """Stream the problems that are similar to a held-out one and therefore not trained on, latest import first."""
        with self._read() as session:
            yield from read_exclusions(session, limit)


def _keeping(first: list[Problem], new: Iterable[Problem], size: int) -> Iterator[Problem]:
    """Pass problems on, and keep the first of them."""
    for problem in new:
        if len(first) < size:
            first.append(problem)
        yield problem

"""Families: questions that were made of one another. A family is trained on as a whole, or not at all.

A derived question has the problem of its parent in other words, or turned around. So if one member of a family is held
out, or is similar to a held-out question, training on any other would leak it. Each import that touches a family
restores this in its own transaction.

A family is named by the split key of an original. Members have it in `family_key`; the original itself needs no name.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import batched
from typing import NamedTuple

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ExclusionRow, ProblemRow
from store.problems.exclusions import Nearest, count_twins, delete_exclusions, insert_exclusions
from store.problems.heldout_index import Measured, nearest_heldout
from store.problems.queries import check_ids, find_problems, insert_new
from store.problems.withdrawal import TRAINABLE, set_split
from store.records import ExclusionKind, Split

_NAME = func.coalesce(ProblemRow.family_key, ProblemRow.split_key)


class Derived(NamedTuple):
    """What became of derived problems: added, left out (of which template twins, relatives), or without a parent.

    `withdrawn` are the ids of problems that were stored before and are excluded now.
    """

    added: int
    left_out: int
    twins: int
    relatives: int
    orphans: int
    withdrawn: frozenset[str]


def add_derived(session: Session, batch: Sequence[Measured], import_id: int) -> Derived:
    """Add derived problems whose parents the store knows, each to the family of its parent, and exclude what must be.

    Left out are those of a parent that is held out or excluded, and those that are similar to a held-out question; the
    latter take their whole family with them. A problem that is known already joins the family of the new parent.
    """
    parents = _parents(session, {item.problem.parent_key or "" for item in batch})
    known = [item for item in batch if item.problem.parent_key in parents]
    problems = [item.problem for item in known]
    check_ids(session, problems)
    links = [(parents[one.parent_key or ""], one.split_key) for one in problems]
    families = {key: parent.family for parent, key in reversed(links)}  # of repeated ones, the first parent's
    new = set(insert_new(session, problems, families))
    _merge(session, links)
    nearest = nearest_heldout(session, [item for item in known if item.problem.id in new])
    nearest |= {key: parent.cause for parent, key in links if parent.cause is not None and key not in nearest}
    delete_exclusions(session, [one for one in problems if one.id in new and one.split_key not in nearest])
    excluded = _exclude(session, nearest, import_id)
    touched = set(session.scalars(select(_NAME).where(in_array(ProblemRow.split_key, set(families)))))
    relatives = exclude_families(session, touched, import_id)
    excluded_now = excluded.keys() | relatives
    return Derived(
        added=len(new - excluded_now),
        left_out=len(new & excluded_now),
        twins=count_twins(excluded.values()),
        relatives=len(relatives) + sum(found.kind is ExclusionKind.RELATIVE for found in excluded.values()),
        orphans=len(batch) - len(known),
        withdrawn=frozenset(excluded_now - new),
    )


def families_of(session: Session, problem_ids: Collection[str]) -> set[str]:
    """The names of the families of stored problems; a problem without relatives is one by itself."""
    return {
        name
        for batch in batched(sorted(problem_ids), BATCH)
        for name in session.scalars(select(_NAME).where(in_array(ProblemRow.id, batch)))
    }


def exclude_families(session: Session, families: Iterable[str], import_id: int) -> set[str]:
    """Exclude all members of those families that have a held-out or excluded member; returns their ids."""
    excluded: set[str] = set()
    for names in batched(sorted(families), BATCH):
        of_family = or_(in_array(ProblemRow.family_key, names), in_array(ProblemRow.split_key, names))
        query = select(ProblemRow.id, ProblemRow.split_key, ProblemRow.split, _NAME).where(of_family)
        members = [_Member(*row) for row in session.execute(query)]
        causes = _causes(session, members)
        leaving = {one.split_key: causes[one.family] for one in members if one.family in causes}
        excluded |= _exclude(session, leaving, import_id).keys()
    return excluded


class _Member(NamedTuple):
    id: str
    split_key: str
    split: Split
    family: str


class _Parent(NamedTuple):
    """The family of a parent. `cause`: an import left it out, so that it is no problem of the store."""

    family: str
    cause: Nearest | None = None


def _causes(session: Session, members: Sequence[_Member]) -> dict[str, Nearest]:
    """The held-out question that a family leads to, for the families that have a held-out or excluded member."""
    causes = {one.family: Nearest(one.id, 1.0, ExclusionKind.RELATIVE) for one in members if one.split is Split.HELDOUT}
    family_of = {one.split_key: one.family for one in members if one.split is Split.EXCLUDED}
    for key, cause in _exclusions(session, family_of).items():
        causes.setdefault(family_of[key], cause)
    return causes


def _exclusions(session: Session, keys: Collection[str]) -> dict[str, Nearest]:
    """The held-out question for which problems were excluded, by their split keys, as the reason for relatives."""
    query = select(ExclusionRow.split_key, ExclusionRow.heldout_id, ExclusionRow.similarity)
    return {
        key: Nearest(heldout_id, found, ExclusionKind.RELATIVE)
        for batch in batched(sorted(keys), BATCH)
        for key, heldout_id, found in session.execute(query.where(in_array(ExclusionRow.split_key, batch)))
    }


def _exclude(session: Session, nearest: Mapping[str, Nearest], import_id: int) -> dict[str, Nearest]:
    """Exclude the problems with these split keys, unless they are held out; returns the reasons by their ids."""
    problems = [one for one in find_problems(session, ProblemRow.split_key, sorted(nearest)) if one.split in TRAINABLE]
    insert_exclusions(session, problems, nearest, import_id)
    reasons = {one.id: nearest[one.split_key] for one in problems}
    set_split(session, reasons, Split.EXCLUDED)
    return reasons


def _parents(session: Session, keys: Collection[str]) -> dict[str, _Parent]:
    """The parents with these split keys that are stored, or that an import left out."""
    stored = select(ProblemRow.split_key, _NAME).where(in_array(ProblemRow.split_key, keys))
    left_out = {key: _Parent(key, cause) for key, cause in _exclusions(session, keys).items()}
    return left_out | {key: _Parent(family) for key, family in session.execute(stored)}


def _merge(session: Session, links: Sequence[tuple[_Parent, str]]) -> None:
    """Make one family of each parent and the child with this split key."""
    query = select(ProblemRow.split_key, _NAME).where(in_array(ProblemRow.split_key, {key for _, key in links}))
    of_child: Mapping[str, str] = dict(session.execute(query).all())
    renamed: dict[str, str] = {}

    def current(name: str) -> str:
        while name in renamed:
            name = renamed[name]
        return name

    for parent, key in links:
        name, other = current(parent.family), current(of_child[key])
        if name != other:
            renamed[other] = name
            members = or_(ProblemRow.family_key == other, ProblemRow.split_key == other)
            statement = update(ProblemRow).where(members).values(family_key=name)
            session.execute(statement, execution_options={"synchronize_session": False})

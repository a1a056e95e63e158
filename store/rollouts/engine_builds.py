"""The builds of engines that sampled rollouts: each stored once, and referred to by its number."""

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import EngineBuildRow, table


def number_builds(session: Session, builds: Iterable[str | None]) -> dict[str, int]:
    """The numbers of these builds; new ones are stored. None is left out."""
    wanted = {build for build in builds if build is not None}
    numbers = _find_numbers(session, wanted)
    if missing := sorted(wanted - numbers.keys()):  # in order, so that two writers cannot deadlock
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        rows = table(EngineBuildRow)
        session.execute(dialect.insert(rows).on_conflict_do_nothing(), [{"build": build} for build in missing])
        numbers = _find_numbers(session, wanted)
    return numbers


def find_builds(session: Session, numbers: Collection[int]) -> dict[int, str]:
    """The builds with these numbers."""
    if not numbers:
        return {}
    query = select(EngineBuildRow.id, EngineBuildRow.build).where(in_array(EngineBuildRow.id, numbers))
    return dict(session.execute(query).all())


def _find_numbers(session: Session, builds: set[str]) -> dict[str, int]:
    if not builds:
        return {}
    query = select(EngineBuildRow.build, EngineBuildRow.id).where(in_array(EngineBuildRow.build, builds))
    return dict(session.execute(query).all())

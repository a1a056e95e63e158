"""Preparation of a run before the first rollout: problems, the base policy, and a teacher's demonstrations."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from itertools import batched

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.config.value_models import require_value_model
from cluster.loop.preparation.adoption import take_over
from cluster.loop.progress import Progress
from eval.benchmarks.overlap import Overlap, watch_overlap
from learner.publication import checksum
from store.artifacts.cache import Cache
from store.artifacts.location import Location
from store.records import ImportReport, Policy, Problem, Rollout, Split
from store.store import Store

log = logging.getLogger(__name__)

BASE_VERSION = 0
_ROLLOUT_BATCH = 256


class PreparationError(ValueError):
    """A run cannot start from its configuration; the message says what is missing."""


def prepare(config: RunConfig, folder: RunFolder, store: Store, progress: Progress) -> None:
    """Fill a new store and publish the base policy, or take over what the last driver of the run left.

    Raises:
        PreparationError: the run cannot start from its configuration.
        ConfigError: what it names or had before is missing.
        StoreError: a source of problems cannot be read.
        StorageError: the storage cannot be reached.
    """
    require_value_model(store, config.selection)
    if store.policies.latest() is not None:
        take_over(store, folder, progress, keeps_optimizer=config.learner.keeps_optimizer)
        return
    with progress.phase("problems"), watch_overlap(folder.path.parent) as overlap:
        imported, labels = import_problems(config, store, overlap)
        counts = store.problems.counts()
    progress.note(f"{imported.added} problems imported: {counts['train']} to train on, {counts['heldout']} held out")
    if imported.left_out:
        twins = f" ({imported.twins} have other numbers or names)" if imported.twins else ""
        progress.note(f"{imported.left_out} problems excluded, because they are similar to held-out ones{twins}")
    for layout in imported.layouts:
        progress.note(layout)
    if no_answers := imported.count_skipped(no_answer=True):
        first = next(iter(imported.no_answers), "not listed")
        progress.note(f"{no_answers} rows left out, which have no answer: {first}")
    if bad := imported.count_skipped(no_answer=False):
        first = next((row for row in imported.skipped if row not in imported.no_answers), "not listed")
        progress.note(f"{bad} bad rows skipped, the first: {first}")
    for note in (labels, overlap.note()):
        if note is not None:
            progress.note(note)
    with progress.phase("base policy"):
        base = make_base_policy(config, folder, store)
    if config.teacher is not None:
        with progress.phase("demonstrations"):
            written, skipped = asyncio.run(write_demonstrations(config, base, store))
        progress.note(f"{written} demonstrations written")
        if skipped:
            progress.note(f"{skipped.total()} solutions skipped: {_counted(skipped)}")
    base_config = config.base.model_dump(mode="json")
    store.policies.add(Policy(BASE_VERSION, None, str(base), config=base_config, checksum=checksum(base), iteration=0))


def import_problems(config: RunConfig, store: Store, overlap: Overlap | None = None) -> tuple[ImportReport, str | None]:
    """Import every configured source, check its labels, and compare it with the benchmarks that `overlap` knows.

    Returns:
        (what was added, what is wrong with labels, if anything).

    Raises:
        PreparationError: a split is empty afterwards.
        StoreError: a source cannot be read, or has rows that are no problems.
    """
    from cluster.loop.preparation.label_checks import open_label_checks
    from store.problems.sources import import_problems as import_sources

    with open_label_checks(config.answer_checker) as labels:  # without sources, the store has been filled before
        watch = Overlap(None) if overlap is None else overlap
        report = import_sources(
            store.problems, config.problems, keep=lambda source, found: watch.watch(labels.filter(source, found))
        )
    counts = store.problems.counts()
    for split, purpose in ((Split.TRAIN, "train on"), (Split.HELDOUT, "measure policies with")):
        if not counts[split.value]:
            raise PreparationError(
                f"there are no {split.value} problems to {purpose}: see heldout_fraction and split of [[problems]]"
                + (f"; {report.twins} were left out as template twins: see template_twins" if report.twins else "")
            )
    return report, labels.note()


def make_base_policy(config: RunConfig, folder: RunFolder, store: Store) -> Location:
    """Publish the policy that the run starts from, as version 0."""
    from learner.bases import make_base

    base = folder.policy(BASE_VERSION)
    corpus = _corpus(config, store) if config.base.kind == "tiny_llama" else ()
    make_base(config.base, base, corpus, folder.storage)
    return base


async def write_demonstrations(config: RunConfig, base: Location, store: Store) -> tuple[int, Counter[str]]:
    """Have the teacher write demonstrations and store them.

    Returns:
        (the number stored, the number of solutions skipped by reason).

    Raises:
        PreparationError: none could be used.
    """
    from actors.formats import get_format
    from actors.rollouts.codec import Codec
    from actors.teachers import make_teacher
    from sandbox.equivalence import AnswerChecker
    from sandbox.interpreter import Sandbox

    assert config.teacher is not None
    with Cache(config.storage).held(base) as local:
        codec = Codec.from_folder(local, get_format(config.sampler.solution_format))
    problems = list(store.problems.iterate(split=Split.TRAIN))
    async with Sandbox(config.sandbox) as sandbox, AnswerChecker(config.answer_checker) as checker:
        teacher = make_teacher(config.teacher, store.annotations)
        written = [pair async for pair in teacher.demonstrations(codec, sandbox, checker, problems)]
    kept = [rollout for batch in batched(written, _ROLLOUT_BATCH) for rollout in _store_demonstrations(store, batch)]
    skipped = teacher.skipped + Counter({"solves a held-out problem": len(written) - len(kept)})
    if not kept:
        raise PreparationError(
            f"the {config.teacher.kind} teacher wrote no demonstration that can be used: they must solve training "
            f"problems and be written in the format {config.sampler.solution_format!r} (skipped: {_counted(skipped)})"
        )
    return len(kept), skipped


def _counted(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common()) or "none"


def _store_demonstrations(store: Store, written: Iterable[tuple[Problem, Rollout]]) -> list[Rollout]:
    """Store demonstrations under the problems that they solve, except those of held-out problems."""
    from dataclasses import replace

    pairs = list(written)
    store.problems.add(problem for problem, _ in pairs)
    known = store.problems.by_split_key([problem.split_key for problem, _ in pairs])
    rollouts = [
        replace(rollout, problem_id=known[problem.split_key].id)
        for problem, rollout in pairs
        if problem.split_key in known and known[problem.split_key].split is Split.TRAIN
    ]
    store.rollouts.add(rollouts)
    return rollouts


def _corpus(config: RunConfig, store: Store) -> list[str]:
    from actors.teachers import make_teacher

    problems = list(store.problems.iterate(split=Split.TRAIN))
    return (
        make_teacher(config.teacher, store.annotations).texts(problems)
        if config.teacher
        else [p.question for p in problems]
    )

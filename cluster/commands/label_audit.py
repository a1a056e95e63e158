"""`automathes problems audit`: finds labels that a run's attempts agree against, and opens a review for each."""

import argparse
import json
from dataclasses import asdict

from rich.console import Console

from cluster.commands.judging import judging
from cluster.config.options import checked
from cluster.config.run_folder import find_run_folder
from cluster.console.progress_bar import progress_bar
from cluster.console.tables import answer_shown, percent, print_table
from store.labels.audit import AuditSettings, Proposal
from store.records import ReviewStatus


def audit_problems(arguments: argparse.Namespace) -> int:
    """Names the labels that are likely wrong, the surest first, and opens a review for each.

    Corrections that were accepted are applied to rollouts that came in since with the old label.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        SandboxUnavailable: answers need math-verify, and nothing can be isolated on this host.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    options = {name: getattr(arguments, name) for name in ("min_score", "min_agreeing", "split")}
    settings = checked(AuditSettings, options)
    with folder.open_store(config) as store, judging(config.answer_checker) as verdicts:
        for review in store.labels.reviews(ReviewStatus.ACCEPTED):
            if store.problems.get(review.problem_id).answer == review.proposed_answer:
                store.labels.accept(review.id, review.decided_by or "", review.reason or "", verdicts.judge)
        with progress_bar("auditing labels") as on_progress:
            found, opened = store.labels.audit(settings, verdicts.equal, on_progress=on_progress)
        waiting = store.labels.review_counts()["open"]
    if arguments.json:
        print(json.dumps({"found": [asdict(one) for one in found], "new": opened, "open": waiting}))  # noqa: T201
        return 0
    print_table(Console(), [_row(one) for one in found])
    print(  # noqa: T201
        f"{len(found)} labels in doubt, {opened} of them new; {waiting} reviews are open"
        + (": `automathes review` goes through them" if waiting else "")
    )
    return 0


def _row(one: Proposal) -> dict[str, str]:
    evidence = one.evidence
    return {
        "problem": one.problem_id,
        "label": answer_shown(one.label),
        "likely": one.proposed_answer,
        "sure": percent(one.score),
        "attempts": f"{evidence['reached_by_code']} of {evidence['attempts']}",
        "programs": str(evidence["programs"]),
    }

"""`automathes problems audit`: find labels that a run's attempts contradict, and open a review for each."""

import argparse
from dataclasses import asdict

from rich.console import Console

from cluster.commands.answer_checks import open_answer_checks
from cluster.config.options import checked
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json, print_line
from cluster.console.progress_bar import progress_bar
from cluster.console.tables.columns import format_label, percent, print_table
from store.labels.audit import AuditSettings, Proposal
from store.records import ReviewStatus


def audit_labels(arguments: argparse.Namespace) -> int:
    """List the labels that are likely wrong, most likely first, and open a review for each.

    Accepted corrections are also applied to rollouts that were stored with the old label since.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        SandboxUnavailable: answers need algebra, and nothing can be isolated on this host.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    options = {name: getattr(arguments, name) for name in ("min_score", "min_agreeing", "split")}
    settings = checked(AuditSettings, options)
    with folder.open_store(config) as store, open_answer_checks(config.answer_checker) as checks:
        for review in store.labels.reviews(ReviewStatus.ACCEPTED):
            if store.problems.get(review.problem_id).answer == review.proposed_answer:
                store.labels.accept(review.id, review.decided_by or "", review.reason or "", checks.outcomes)
        with progress_bar("auditing labels") as on_progress:
            found, opened = store.labels.audit(settings, checks.equal, on_progress=on_progress)
        num_open = store.labels.review_counts()["open"]
    if arguments.json:
        print_json({"found": [asdict(one) for one in found], "new": opened, "open": num_open})
        return 0
    print_table(Console(), [_row(one) for one in found])
    print_line(
        f"{len(found)} labels in doubt, {opened} of them new; {num_open} reviews are open"
        + (": decide on them with `automathes review`" if num_open else "")
    )
    return 0


def _row(proposal: Proposal) -> dict[str, str]:
    evidence = proposal.evidence
    return {
        "problem": proposal.problem_id,
        "label": format_label(proposal.label),
        "proposed": proposal.proposed_answer,
        "likely": percent(proposal.score),
        "attempts": f"{evidence['reached_by_code']} of {evidence['attempts']}",
        "programs": str(evidence["programs"]),
    }

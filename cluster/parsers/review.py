"""The parser of `automathes review`."""

import argparse
from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_listening, add_run_options, count

_HANDLERS = "cluster.commands.reviews"


def add_review(commands: Commands) -> None:
    """The parser of `automathes review`."""
    parser = add_command(
        commands,
        "review",
        "reviews.labels:review",
        "review solutions and labels in doubt, or a server's feedback, in the terminal or in a browser",
        """automathes review
         automathes review 3 7 --accept --reason 'checked by hand'
         automathes review 3 --accept --answer 168 --reason 'neither is right'
         automathes review --collected 12 --accept --answer 168 --reason 'checked by hand'
         automathes review --serve --as ada
         automathes review --export reviews.json --format argilla""",
    )
    parser.add_argument("ids", nargs="*", type=count, metavar="ID", help="reviews to show or decide on")
    _add_terminal(parser)
    _add_serving(parser)
    _add_exchange(parser)
    add_run_options(parser)


def _add_terminal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--collected",
        action="store_const",
        dest="handler",
        const=f"{_HANDLERS}.collected:review_collected",
        help="review what `automathes serve --collect` collected: accepted questions become training problems",
    )
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument("--accept", action="store_true", help="correct the label, and rescore its rollouts")
    decision.add_argument("--reject", action="store_true", help="keep the label")
    decision.add_argument("--list", action="store_true", help="list the reviews (default without a terminal)")
    parser.add_argument("--answer", metavar="TEXT", help="right answer (default: as proposed, or as rated)")
    parser.add_argument("--reason", metavar="TEXT", help="reason for the decision, which is stored with it")
    parser.add_argument("--by", metavar="NAME", help="author of the decision (default: the user)")
    parser.add_argument("--status", choices=("open", "accepted", "rejected", "all"), help="by status (default: open)")
    parser.add_argument("--limit", type=count, metavar="N", help="list at most N")
    parser.add_argument("--json", action="store_true", help="print JSON: a line per listed review, or reviews in full")


def _add_serving(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("in a browser", "pages for several reviewers, until Ctrl-C (docs/review.md)")
    group.add_argument(
        "--serve",
        action="store_const",
        dest="handler",
        const=f"{_HANDLERS}.serving:serve_reviews",
        help="serve queues of solutions and labels, each to be decided by two reviewers",
    )
    group.add_argument("--as", dest="name", metavar="NAME", help="review under this name, without signing in")
    group.add_argument("--reviewers", type=Path, metavar="FILE", help="names, each with the SHA-256 of its own token")
    group.add_argument("--checks", type=_share, metavar="SHARE", help="accepted solutions to check (default: 0.01)")
    add_listening(group, port=8269)


def _add_exchange(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with another tool", "the items of the queues, and decisions on them")
    for option, function, text in (
        ("--export", "export_reviews", "write all items with their decisions to a new file"),
        ("--import", "import_reviews", "store the decisions in a file; to repeat it changes nothing"),
    ):
        group.add_argument(
            option,
            type=Path,
            dest="file",
            metavar="FILE",
            action=_Exchange,
            const=f"{_HANDLERS}.exchanging:{function}",
            help=text,
        )
    group.add_argument("--format", choices=("jsonl", "argilla"), help="default: jsonl; argilla: its records, as JSON")


class _Exchange(argparse.Action):
    """Store the file, and choose the function that reads or writes it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        if getattr(namespace, self.dest, None) is not None:
            parser.error("--export and --import are two commands")
        setattr(namespace, self.dest, values)
        namespace.handler = self.const


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: a number from 0 to 1")
    return share

"""The parsers of `automathes problems`."""

import argparse

from cluster.parsers.common import Commands, add_command, add_run_options, count

_KINDS = ("jsonl", "json", "csv", "parquet", "arrow", "huggingface", "reasoning_gym")
_LAYOUTS = ("verl", "dapo", "trl", "openr1", "numinamath", "deepscaler", "math", "gsm8k", "metamath")


def add_problems(commands: Commands) -> None:
    """The parser of `automathes problems` with its actions."""
    parser = commands.add_parser("problems", help="import, list, show or audit problems")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_import(actions)
    _add_list(actions)
    _add_show(actions)
    _add_audit(actions)


def _add_import(actions: Commands) -> None:
    parser = add_command(
        actions,
        "import",
        "problems.importing:import_problems",
        "import problems into the store of a run, or of none yet: all of them or none",
        """automathes problems import problems.csv --map question=problem --dry-run
         automathes problems import train.parquet --layout verl --store sqlite:///problems.db
         automathes problems import openai/gsm8k --from huggingface --config main --layout gsm8k
         automathes problems import chain_sum --from reasoning_gym --size 500 --config max_terms=4""",
    )
    add = parser.add_argument
    add("source", help="a file, a folder or id of a Hugging Face data set, or a reasoning-gym data set")
    add("--from", dest="kind", choices=_KINDS, help="kind of source (default: by the file's suffix)")
    add("--store", metavar="URL", help="import into this store, without a run; it is created if there is none")
    add("--dry-run", action="store_true", help="show what would be imported and left out, and write nothing")
    _add_rows(parser)
    _add_data_sets(parser)
    add("--heldout-fraction", type=float, metavar="SHARE", help="share that is held out, by hash (default: 0.1)")
    add("--split", choices=("train", "heldout"), help="put all problems into one split")
    add("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_rows(parser: argparse.ArgumentParser) -> None:
    """The options of sources that consist of rows: fields, labels, bad rows."""
    add = parser.add_argument
    add("--layout", choices=(*_LAYOUTS, "auto"), help="whose fields the rows have; auto: found by the first row")
    add(
        "--map",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="name a field, such as answer=reward_model.ground_truth; repeatable",
    )
    add("--answer-from", choices=("plain", "gsm8k", "boxed", "sentence", "auto"), help="how the answer is written")
    add(
        "--template-twins",
        choices=("leave_out", "train"),
        help="training problems that are a held-out one with other numbers or names (default: leave_out)",
    )
    add(
        "--skip-labels",
        choices=("none", "no_answer", "unreadable"),
        help='labels to leave out: those that are no answer, such as "proof" (default), those that the answer checker '
        "cannot read too, or none",
    )
    add(
        "--multiple-choice",
        choices=("keep", "leave_out"),
        help="problems whose label is the letter of a choice (default: keep)",
    )
    add(
        "--derived",
        choices=("train", "candidate"),
        help="rows made of another question: train on their labels (default), or once attempts confirm these",
    )
    add("--bad-rows", choices=("refuse", "skip"), help="refuse the import for a bad row, or skip the row")
    add("--limit", type=count, metavar="N", help="import the first N rows")
    add("--name", metavar="NAME", help="stored as the problems' source (default: the file's name)")


def _add_data_sets(parser: argparse.ArgumentParser) -> None:
    """The options of data sets of Hugging Face and of reasoning-gym."""
    add = parser.add_argument
    add("--config", action="append", metavar="NAME", help="Hugging Face: name; reasoning-gym: KEY=VALUE, repeatable")
    add("--dataset-split", metavar="NAME", help="Hugging Face: split of the data set (default: train)")
    add("--revision", metavar="NAME", help="Hugging Face: revision of the data set")
    add("--size", type=count, metavar="N", help="reasoning-gym: number of problems (default: 500)")
    add("--seed", type=count, metavar="N", help="reasoning-gym: seed")
    add(
        "--split-by",
        choices=("operands", "question"),
        help="reasoning-gym: what makes two problems the same (default: operands in plain arithmetic)",
    )


def _add_list(actions: Commands) -> None:
    example = "automathes problems list --split heldout"
    parser = add_command(actions, "list", "problems.listing:list_problems", "list problems of a run", example)
    parser.add_argument("--split", choices=("train", "heldout", "excluded", "candidate"), help="only of this split")
    parser.add_argument(
        "--left-out", action="store_true", help="list near-duplicates and template twins of held-out problems"
    )
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="at most N (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_run_options(parser)


def _add_show(actions: Commands) -> None:
    text = "show a problem, its label history, the outcomes of its rollouts and why it is attempted often or rarely"
    example = """automathes problems show gsm8k/train-3f2a81c09d1e
         automathes problems show 'how many eggs'"""
    parser = add_command(actions, "show", "problems.listing:show_problem", text, example)
    parser.add_argument("id", metavar="ID", help="id of the problem, or a part of its id or question")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_audit(actions: Commands) -> None:
    text = "find labels that attempts contradict, and open a review for each"
    parser = add_command(actions, "audit", "problems.audit:audit_labels", text, "automathes problems audit")
    parser.add_argument("--split", choices=("train", "heldout"), help="only of this split")
    parser.add_argument("--min-score", type=float, metavar="P", help="lowest probability of an error (default: 0.9)")
    parser.add_argument("--min-agreeing", type=count, metavar="N", help="attempts that must agree (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)

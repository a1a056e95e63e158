"""The registry of rules of judging by name. A new rule is a new file and an entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.judging.minerva import MinervaRule
from eval.judging.ocw import OcwRule
from eval.judging.qwen import QwenRule
from eval.judging.rule import Algebra, Rule

OURS = "ours"
"""The rule by which attempts are judged when they are sampled (docs/equivalence.md)."""


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule: its title in tables, where it is published, and what makes it; None for ours.

    `revision` is raised with each change of its verdicts: figures of an earlier revision are computed again.
    """

    title: str
    source: str
    make: Callable[[Algebra], Rule] | None
    revision: int = 1


RULES: Mapping[str, RuleInfo] = {
    OURS: RuleInfo("ours", "docs/equivalence.md", None),
    "qwen": RuleInfo("Qwen", "Qwen2.5-Math, arXiv 2409.12122", QwenRule),
    "minerva": RuleInfo("Minerva", "arXiv 2206.14858, appendix D", MinervaRule),
    "ocw": RuleInfo("OCW", "arXiv 2206.14858", OcwRule),
}
"""The rules by name, in the order of tables."""

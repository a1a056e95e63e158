"""Support: whether the answer of an accepted rollout follows from what its code printed.

Begin with `verdict.py`, which applies the rules. Pure and cheap: nothing is run, and no input makes it raise.
"""

from actors.support.verdict import Judgement, Rule, judge_support, with_support

__all__ = ["Judgement", "Rule", "judge_support", "with_support"]

"""Support: whether the answer of an accepted rollout follows from what its code printed.

Begin with `verdict.py`, which applies the rules. Pure and cheap: nothing is run, and no input makes it raise.
"""

from actors.support.verdict import Judgement, judge_support

__all__ = ["Judgement", "judge_support"]

"""Rules of judging answers: ours, and those that other projects report their scores by. Begin with `rules.py`.

The other rules are written here from their published descriptions. Text that a policy wrote is evaluated in the sandbox
alone: `sandbox.equivalence.AnswerChecker.relate` is all that the rules know of algebra.
"""

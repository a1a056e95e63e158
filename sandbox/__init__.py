"""Runs model-written code inside nsjail, and decides whether two answers are equal.

Begin with `interpreter.py` (sessions of code blocks) and `equivalence.py` (answer checks). `policy.cfg` is the
isolation policy, `jail/` and `session/` are the host's side of it, and `guest/` is what runs inside.
"""

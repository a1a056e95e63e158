"""The code that runs inside the jail. It uses the standard library alone: a jail need not hold anything else.

Begin with `zygote.py` (the warm parent), then `session.py` (one forked session). `answers/` compares answers.
"""

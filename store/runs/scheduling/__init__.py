"""Which training problems an iteration attempts, and how often. Begin with `rules.py`.

`evidence.py` estimates in SQL what an attempt at each problem is worth, `effort.py` spreads an iteration's attempts by
it, and `decisions.py` reads what was decided for a problem.
"""

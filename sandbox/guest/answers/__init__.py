"""Answer equivalence by written form. All but `symbolic.py`, which needs sympy, works on both sides of the jail.

Begin with `comparison.py`, which tries one form after another; each form has a module of its own.
"""

"""Expressions: read from LaTeX to the last token, and compared by algebra and by numbers.

Begin with `comparison.py`. `reader.py` builds sympy's expressions from the tokens of `tokens.py`; `equality.py` decides
whether two of them are equal.
"""

"""`automathes annotate`. Begin with `annotate.py`; `options.py` is its input."""

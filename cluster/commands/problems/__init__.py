"""`automathes problems`: imports, lists and audits. Begin with `importing.py`; `options.py` is its input."""

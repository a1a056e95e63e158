"""Annotation by a teacher behind an API: jobs, attempts and turns, the ledger of requests, and what came of it.

Begin with `annotations.py`; `ledger.py` has the rules by which money and tokens are counted.
"""

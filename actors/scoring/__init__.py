"""Scoring of solutions by a value model: the value after the last token, by torch or by vLLM's pooling engine.

`published.py` loads a value model that was published, `loading.py` chooses the engine, `scorer.py` has the interface.
"""

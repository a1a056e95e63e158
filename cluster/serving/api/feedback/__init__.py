"""Feedback on what is served: completions are collected for review, and clients rate them.

Begin with `routes.py`. `collector.py` writes to the store, beside the answers and never in their way.
"""

"""Browsing millions of rollouts: pages of those that match a filter, newest first, each within a time budget.

Begin with `pages.py`; `windows.py` keeps the time, `conditions.py` and `text_search.py` decide what matches.
"""

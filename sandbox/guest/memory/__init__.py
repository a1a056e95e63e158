"""Lays out the warm parent's memory so that sessions are cheap to fork, to run and to end.

Begin with `heap.py`.
"""

"""Feedback on a served policy: collected completions, their ratings, and the problems that people make of them.

Begin with `feedback.py`.
"""

"""Attempts: a rollout between engine and sandbox, its verdict, its deadline, and retries after faults.

Begin with `interaction.py`, which serving shares, and `attempt.py`, which turns an assignment into a rollout.
"""

"""Sampling: the actor that keeps an engine busy with what the store has to do, and follows its policies.

Begin with `worker.py` (the loop that leases, attempts and writes) and `sampler.py` (the Ray actor around it).
"""

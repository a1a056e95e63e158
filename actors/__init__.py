"""Sampling: solution formats, the rollout, the vLLM engine, the RLlib EnvRunner, and the teachers of a warm start.

Begin with `rollout.py` (one rollout as a state machine), `worker.py` (the loop that leases, attempts and writes) and
`sampler.py` (the Ray actor around it).
"""

"""Preparation of a run before the first rollout: problems with checked labels, the base policy, demonstrations."""

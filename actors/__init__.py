"""Samplers, from a rollout to the Ray actor: `rollouts/`, the vLLM `engine/`, `attempts/`, `sampling/`.

Beside them: solution `formats/`, the verdict on `support/` of an answer, and the `teachers/` of a warm start.
"""

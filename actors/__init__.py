"""Samples code-interleaved solutions: solution formats, the rollout, the vLLM engine, the RLlib EnvRunner."""

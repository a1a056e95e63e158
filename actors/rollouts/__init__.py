"""The rollout as a state machine over token ids, and the conversion between text and ids. Begin with `rollout.py`."""

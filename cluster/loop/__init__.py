"""The loop: an RLlib Algorithm that samples, learns, publishes, measures and promotes.

Begin with `algorithm.py`, which reads as the story; `position.py` decides what comes next, from what the store holds.
"""

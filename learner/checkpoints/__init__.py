"""Checkpoints of a running training, from which it continues in the middle of an epoch.

Begin with `folder`, which names and finds them; `writer` saves them beside the training, `shards` has DeepSpeed's part.
"""

"""The phases of an iteration: collect rollouts, train and publish a policy, measure it. Begin with `collecting.py`."""

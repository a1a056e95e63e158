"""What is done for an iteration: open it, train and publish a policy, measure it, close it. Begin with `opening.py`."""

"""Training of value models: which predict, after each token of a solution, the probability that it ends right.

Begin with `settings`; `engine` trains in the way of `learner.engine`, of which it replaces the model and the loss.
"""

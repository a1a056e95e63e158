"""The learner: trains the policy with DeepSpeed on stored rollouts and publishes it as a Hugging Face folder.

Begin with `engine` (training on one rank); `group` is RLlib's LearnerGroup over several ranks.
"""

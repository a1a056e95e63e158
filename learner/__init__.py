"""Fine-tunes the policy with DeepSpeed on stored rollouts and publishes it as a Hugging Face folder."""

"""`automathes augment`: new questions out of training problems, and their confirmation."""

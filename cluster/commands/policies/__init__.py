"""`automathes policies`: what a run published. `records` reads it; begin there."""
